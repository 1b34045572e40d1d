"""Two at once: a second process on the same run directory, stale locks, and readers while a run is at work."""

import json
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tripletmine.pipeline.errors import SpecError, UnavailableError
from tripletmine.pipeline.inspection import inspect_epoch
from tripletmine.pipeline.status import read_status

from .cases import Case, References, Tally
from .kills import kill_in
from .product import kill_group
from .state import at_work, require_same
from .waiting import eventually

TWO = "two processes on one run"
STALE = "stale lock"
READER = "reader while a run is at work"


def second_is_refused(folder: Path, references: References, *, stage: str) -> Tally:
    """The second ends at once and names the first, which is not disturbed."""
    product = references.product(folder)
    first = product.start()
    try:
        eventually(lambda: at_work(product.root) == stage or first.poll() is not None, f"{stage} at work")
        # Stopped, so that it is still there when the second one comes.
        first.send_signal(signal.SIGSTOP)
        code, said = product.ask("run", str(product.run_file), *product.options)
        first.send_signal(signal.SIGCONT)
        eventually(lambda: first.poll() is not None, "the end of the first")
    finally:
        kill_group(first)
    assert code == 1, said
    assert f"is in use by process {first.pid} on " in said, said
    assert first.returncode == 0, product.log
    require_same(product.root, references.finished().root)
    return Tally(tried=1, survived=1)


def stale_lock(folder: Path, references: References, *, boot: str) -> Tally:
    """A lock file whose holder was killed, here or on another machine: taken, at the latest after the lease."""
    product = references.product(folder)
    kill_in(product, "graph", seed=1)
    path = product.root / ".lock"
    record = json.loads(path.read_bytes())
    assert record["pid"] > 0
    if boot != "this":
        path.write_text(json.dumps({**record, "boot": boot, "host": "elsewhere"}))
    product.finish()
    assert ("waiting" in product.log) == (boot != "this"), product.log
    require_same(product.root, references.finished().root)
    return Tally(tried=1, survived=1)


def living_remote(folder: Path, references: References) -> Tally:
    """A holder on another machine that shows signs of life: refused, though flock was given."""
    product = references.product(folder)
    kill_in(product, "graph", seed=1)
    path = product.root / ".lock"
    record = {**json.loads(path.read_bytes()), "boot": "another", "host": "elsewhere"}
    process = product.start()
    try:
        beat = 0
        while process.poll() is None:
            beat += 1
            # In place, as the holder does: the second process has this file open.
            with path.open("r+b") as file:
                file.write(json.dumps({**record, "beat": beat}).encode().ljust(512))
    finally:
        kill_group(process)
    assert process.returncode == 1, product.log
    assert f"is in use by process {record['pid']} on elsewhere" in product.log
    path.write_text("")
    product.finish()
    require_same(product.root, references.finished().root)
    return Tally(tried=1, survived=1)


def readers(folder: Path, references: References, *, options: tuple[str, ...] = ()) -> Tally:
    """Look at a run as often as possible while it is at work: never an error, never half a stage."""
    product = references.product(folder)
    if options:
        product.finish()
    process = product.start(*options)
    tally = Tally()
    try:
        while process.poll() is None:
            if (product.root / "run.json").exists():
                tally.tried += 2
                _look(product.root)
                tally.survived += 2
                time.sleep(0.02)  # leaves the run some of the machine
        assert process.returncode == 0, product.log
        code, said = product.ask("status", str(product.root))
        assert code == 0, said
    finally:
        kill_group(process)
    require_same(product.root, references.finished().root)
    return tally


def _look(root: Path) -> None:
    """What `status` and `inspect` do, without the seconds that starting them takes."""
    status = read_status(root)
    states = [stage.state for epoch in status.epochs for stage in epoch.stages]
    assert "damaged" not in states
    try:
        found = inspect_epoch(root, 1)
    except (SpecError, UnavailableError):
        return  # not mined yet, or just being set aside
    assert found.counts["triplets"] > 0


def cases() -> Iterator[Case]:
    """In the short form the commonest of each."""
    for stage in ("train", "graph", "mine", "test"):
        yield Case(TWO, f"second in {stage}", partial(second_is_refused, stage=stage), short=stage == "mine")
    yield Case(STALE, "of a killed process", partial(stale_lock, boot="this"))
    yield Case(STALE, "of a machine that is gone", partial(stale_lock, boot="another"))
    yield Case(STALE, "of a machine that is at work", living_remote)
    yield Case(READER, "of a new run", readers, short=True)
    yield Case(READER, "of a redo", partial(readers, options=("--from-stage", "embed", "--epoch", "1")))
