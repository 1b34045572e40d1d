"""Send training metrics to experiment trackers; all of them are optional."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from ..errors import ModelError

Log = Callable[[Mapping[str, Any], int], None]
"""Called with (metrics of a step, number of the step)."""

PROJECT = "tripletmine"
"""Project name of the runs, for tools that group runs by project."""


@dataclass(frozen=True, slots=True)
class _Logged:
    """The arguments of `open_logs` that every tool gets."""

    folder: Path
    title: str
    first_step: int


@contextmanager
def open_logs(names: Sequence[str], folder: Path, *, title: str, first_step: int) -> Iterator[Log]:
    """A context with a function that logs a step's metrics to `names`: "tensorboard", "mlflow", "wandb", "trackio".

    folder: for the log files, and for the ID under which each tool knows the run, so that all epochs and resumes go to
    one run. title: of the run. first_step: steps from this one on that were logged before a crash are replaced by
    TensorBoard; MLflow and Trackio show both, Weights & Biases shows the first.

    Nothing leaves the machine unless the user configures it: MLFLOW_TRACKING_URI names a server; WANDB_MODE=online and
    TRACKIO_SPACE_ID or TRACKIO_SERVER_URL send metrics that otherwise stay in files (`wandb sync` sends them later).

    Raises: ModelError for a tool that is not installed.
    """
    with ExitStack() as stack:
        logs = [stack.enter_context(_OPENED[name](_Logged(folder, title, first_step))) for name in names]

        def log(metrics: Mapping[str, Any], step: int) -> None:
            numbers = {f"train/{key}": float(value) for key, value in metrics.items() if value is not None}
            for each in logs:
                each(numbers, step)

        yield log


def require_logs(names: Sequence[str]) -> None:
    """Raise ModelError if one of the tools is not installed."""
    for name in names:
        _tensorboard_writer() if name == "tensorboard" else _installed(name)


def _tensorboard_writer() -> ModuleType:
    _installed("tensorboard")
    return _installed("torch.utils.tensorboard", "tensorboard")


@contextmanager
def _tensorboard(run: _Logged) -> Iterator[Log]:
    writer = _tensorboard_writer().SummaryWriter(run.folder / "tensorboard", purge_step=run.first_step)
    try:

        def log(metrics: Mapping[str, Any], step: int) -> None:
            for name, value in metrics.items():
                writer.add_scalar(name, value, step)

        yield log
    finally:
        writer.close()


@contextmanager
def _mlflow(run: _Logged) -> Iterator[Log]:
    mlflow = _installed("mlflow")
    known = run.folder / "mlflow-run.txt"
    started = {"run_id": known.read_text()} if known.exists() else {"run_name": run.title}
    with mlflow.start_run(**started) as opened:
        run.folder.mkdir(parents=True, exist_ok=True)
        known.write_text(opened.info.run_id)
        yield lambda metrics, step: mlflow.log_metrics(dict(metrics), step=step)


@contextmanager
def _wandb(run: _Logged) -> Iterator[Log]:
    wandb = _installed("wandb")
    known = _known(run.folder / "wandb-run.txt", secrets.token_hex(4))
    with wandb.init(
        project=PROJECT,
        id=known,
        name=run.title,
        resume="allow",
        dir=str(run.folder),
        mode=os.environ.get("WANDB_MODE", "offline"),
        settings=wandb.Settings(silent=True, console="off"),
    ) as opened:
        yield lambda metrics, step: opened.log(dict(metrics), step=step)


@contextmanager
def _trackio(run: _Logged) -> Iterator[Log]:
    trackio = _installed("trackio")
    # Trackio identifies a run by its name alone.
    known = _known(run.folder / "trackio-run.txt", f"{run.title}-{secrets.token_hex(4)}")
    # Silence its instructions for opening the dashboard, which it prints in every epoch.
    with redirect_stdout(StringIO()):
        opened = trackio.init(project=PROJECT, name=known, resume="allow")
    try:
        yield lambda metrics, step: opened.log(dict(metrics), step=step)
    finally:
        with redirect_stdout(StringIO()):
            trackio.finish()


_OPENED: Mapping[str, Callable[[_Logged], AbstractContextManager[Log]]] = MappingProxyType(
    {"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb, "trackio": _trackio}
)


def _known(path: Path, new: str) -> str:
    """The ID of the run, read from `path`; if there is none yet, `new` is written there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(new)
    return path.read_text()


def _installed(module: str, extra: str | None = None) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        extra = extra or module
        raise ModelError(
            f"log names \"{extra}\", which is not installed ({error}): pip install 'tripletmine[{extra}]', or "
            "take it out of log"
        ) from error
