"""The product as a user's machine sees it: a run file, a command in a process group of its own, a run directory."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from .. import forked
from ..forked import Started
from ..waiting import PATIENCE_SECONDS, eventually

TRIPLETMINE = str(Path(sys.executable).with_name("tripletmine"))

RUN_FILE = """
[run]
name = "digits"
epochs = {epochs}
seed = {seed}
deterministic = true
{keep}
[data]
kind = "digits"

[encoder]
{encoder}
embedding_dim = 32

[embed]
chunk_rows = {chunk_rows}
batch_rows = 50

[graph]
method = "{method}"
neighbours = 60
chunk_rows = {chunk_rows}
parts = {parts}

[mine]
chunk_rows = {chunk_rows}

[train]
batches = "neighbourhood"
classes_per_batch = 10
images_per_class = 10
checkpoint_steps = 3

[evaluate]
nmi = false

[cluster]
timeout_seconds = 60  # for a worker to come back on a machine that others use, too
"""

KEEP_ALL = """
[run.keep]
embeddings = "all"
graph = "all"
triplets = "all"
checkpoints = "all"
"""

DEFAULTS = {
    "epochs": 2,
    "seed": 0,
    "keep": KEEP_ALL,
    "encoder": 'name = "convnet"',
    "chunk_rows": 100,
    "method": "hnsw",
    "parts": 2,
}
"""Digits in chunks so small that every stage has several tasks: one warm-up epoch, one that mines."""


@dataclass(frozen=True)
class Product:
    """One run in a folder of its own. options: for every `tripletmine run`. wrapper: a command that starts it, such as
    env.

    log_folder: for the output of commands; by default beside the run.
    """

    forked: ClassVar[bool] = False
    """Whether commands without wrapper and environment are forked, to save their imports: see tests/forked.py."""

    folder: Path
    changes: Mapping[str, object] = field(default_factory=dict)
    options: Sequence[str] = ("--no-prefect",)
    environment: Mapping[str, str] = field(default_factory=dict)
    wrapper: Sequence[str] = ()
    log_folder: Path | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.run_file.exists():
            self.run_file.write_text(RUN_FILE.format(**{**DEFAULTS, **self.changes}))

    @property
    def run_file(self) -> Path:
        """The TOML file."""
        return self.folder / "digits.toml"

    @property
    def root(self) -> Path:
        """The run directory."""
        return self.folder / "runs" / "digits"

    @property
    def log(self) -> str:
        """What all commands so far wrote to stdout and stderr."""
        path = self._log
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _log(self) -> Path:
        return (self.log_folder or self.folder) / "output.log"

    def start(self, *more: str) -> Started:
        """`tripletmine run`, in a process group of its own."""
        return self._start("run", str(self.run_file), *self.options, *more)

    def finish(self, *more: str) -> None:
        """`tripletmine run` to its end; it must succeed."""
        code, said = self.ask("run", str(self.run_file), *self.options, *more)
        assert code == 0, f"`tripletmine run` ended with {code}:\n{said}"

    def ask(self, *command: str, seconds: float = PATIENCE_SECONDS) -> tuple[int, str]:
        """Run another command: its exit code and output."""
        before = len(self.log)
        process = self._start(*command)
        try:
            eventually(lambda: process.poll() is not None, f"the end of {' '.join(command)}", seconds=seconds)
        finally:
            kill_group(process)
        return process.wait(), self.log[before:]

    def _start(self, *command: str) -> Started:
        if self.forked and not self.wrapper and not self.environment:
            return forked.start(TRIPLETMINE, *command, log=self._log, environment=private_environment())
        with self._log.open("ab") as output:
            return subprocess.Popen(
                [*self.wrapper, TRIPLETMINE, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=private_environment(**self.environment),
            )


def private_environment(**more: str) -> dict[str, str]:
    """The environment of a user who has set nothing for Prefect or Dask."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DASK_"))}
    return {**kept, "OMP_NUM_THREADS": "1", **more}


def kill_group(process: Started) -> None:
    """kill -9 of a process with its process group, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_SECONDS)
