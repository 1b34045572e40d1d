"""Ctrl-C and SIGTERM: the end comes within 10 s, says how to go on, and Prefect does not show a run for ever."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ...waiting import eventually
from ..cases import Case, References, Tally
from ..product import kill_group
from ..state import at_work, require_prefect_knows, require_same

KIND = "Ctrl-C and SIGTERM"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
LIMIT_SECONDS = 10.0


def interrupted(
    folder: Path, references: References, *, number: signal.Signals, stage: str, options: tuple[str, ...]
) -> Tally:
    """Send the signal while the stage is at work, then run the command that the message names."""
    product = references.product(folder, options=options)
    process = product.start()
    try:
        eventually(lambda: at_work(product.root) == stage or process.poll() is not None, f"{stage} at work")
        sent = time.monotonic()
        # As a terminal and a service manager do: to all processes of the command, workers too.
        os.killpg(process.pid, number)
        eventually(lambda: process.poll() is not None, "the end after a signal", seconds=LIMIT_SECONDS)
    finally:
        kill_group(process)
    took = time.monotonic() - sent
    said = product.log
    assert process.returncode == CODES[number], said
    assert "Traceback" not in said, said
    again = " ".join(["tripletmine", "run", str(product.run_file), *options])
    assert said.splitlines()[-1] == f"tripletmine: interrupted; `{again}` continues where it stopped"
    assert took < LIMIT_SECONDS
    if "--no-prefect" not in options:
        require_prefect_knows(product.root)
    product.finish()
    if "--no-prefect" not in options:
        require_prefect_knows(product.root)
    require_same(product.root, references.finished().root)
    return Tally(tried=1, survived=1)


def killed_in_prefect(folder: Path, references: References) -> Tally:
    """kill -9 leaves nobody to tell Prefect; the next start of the same run does."""
    product = references.product(folder, options=())
    process = product.start()
    try:
        eventually(lambda: at_work(product.root) == "graph" or process.poll() is not None, "graph at work")
    finally:
        kill_group(process)
    product.finish()
    require_prefect_knows(product.root)
    require_same(product.root, references.finished().root)
    return Tally(tried=1, survived=1)


def cases() -> Iterator[Case]:
    """Both signals in every stage; with Prefect in three of them."""
    for number in CODES:
        for stage in ("train", "embed", "graph", "mine", "test"):
            run = partial(interrupted, number=number, stage=stage, options=("--no-prefect",))
            short = (number, stage) == (signal.SIGTERM, "mine")
            yield Case(KIND, f"{number.name} in {stage}", run, short=short)
        local = ("--executor", "local", "--no-prefect")
        for stage in ("embed", "mine"):
            run = partial(interrupted, number=number, stage=stage, options=local)
            yield Case(KIND, f"{number.name} in {stage}, with workers", run)
        for stage in ("train", "graph"):
            run = partial(interrupted, number=number, stage=stage, options=())
            yield Case(KIND, f"{number.name} in {stage}, with Prefect", run)
    yield Case(KIND, "kill -9 with Prefect", killed_in_prefect)
