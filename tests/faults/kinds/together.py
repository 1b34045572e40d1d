"""Two at once: a second process on the same run directory, stale and lost locks, readers while a run is at work."""

import json
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tripletmine.pipeline.errors import SpecError, UnavailableError
from tripletmine.pipeline.run.inspection import inspect_epoch
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.storage.lock import BEAT_SECONDS

from ...waiting import eventually
from ..cases import Case, References, Tally
from ..product import kill_group
from ..state import at_work, require_prefect_knows, require_same
from .interrupts import LIMIT_SECONDS
from .kills import kill_in

TWO = "two processes on one run"
STALE = "stale lock"
TAKEN = "lock taken over by another machine"
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
    """A lock file whose holder was killed, here or on another machine, is taken over, at the latest after the lease."""
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
    """A holder on another machine shows signs of life: the run is refused, although it got flock."""
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


def taken_over(
    folder: Path, references: References, *, wrapper: tuple[str, ...] = (), options: tuple[str, ...]
) -> Tally:
    """A run suspended for so long that another machine took its lock ends as soon as it wakes."""
    product = references.product(folder, wrapper=wrapper, options=options)
    process = product.start()
    path = product.root / ".lock"
    try:
        eventually(lambda: at_work(product.root) == "graph" or process.poll() is not None, "graph at work")
        process.send_signal(signal.SIGSTOP)
        theirs = {**json.loads(path.read_bytes()), "boot": "another", "host": "elsewhere", "token": "theirs"}
        time.sleep(BEAT_SECONDS)
        process.send_signal(signal.SIGCONT)

        def ended() -> bool:
            # Repeatedly: a heartbeat that was stopped between reading and writing writes once more.
            with path.open("r+b") as file:
                file.write(json.dumps(theirs).encode().ljust(512))
            return process.poll() is not None

        eventually(ended, "the end of the first", seconds=BEAT_SECONDS + LIMIT_SECONDS)
    finally:
        kill_group(process)
    assert process.returncode == 1, product.log
    assert f"is in use by process {theirs['pid']} on elsewhere" in product.log.splitlines()[-1], product.log
    assert "Traceback" not in product.log, product.log
    assert json.loads(path.read_bytes())["token"] == "theirs", "it is not ours to take back"
    path.write_text("")
    product.finish()
    if "--no-prefect" not in options:
        require_prefect_knows(product.root)
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
                time.sleep(0.02)  # leaves the run some of the CPU
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
    """In the short form one of most kinds."""
    for stage in ("train", "graph", "mine", "test"):
        yield Case(TWO, f"second in {stage}", partial(second_is_refused, stage=stage), short=stage == "mine")
    yield Case(STALE, "of a killed process", partial(stale_lock, boot="this"))
    yield Case(STALE, "of a machine that is gone", partial(stale_lock, boot="another"))
    yield Case(STALE, "of a machine that is at work", living_remote)
    background = ("env", "--ignore-signal=INT")  # as a shell starts its background jobs
    for name, wrapper, options in (
        ("in the foreground", (), ("--no-prefect",)),
        ("in the background", background, ("--no-prefect",)),
        ("in the foreground, with Prefect", (), ()),
        ("in the background, with Prefect", background, ()),
    ):
        yield Case(
            TAKEN,
            name,
            partial(taken_over, wrapper=wrapper, options=options),
            short=name == "in the background",
        )
    yield Case(READER, "of a new run", readers, short=True)
    yield Case(READER, "of a redo", partial(readers, options=("--from-stage", "embed", "--epoch", "1")))
