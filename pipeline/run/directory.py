"""Open a run directory: create or recognise it, lock it and prepare its rows."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifacts.data_files import DATA_FILES
from ..artifacts.encoder_copies import ENCODER_FOLDER
from ..artifacts.ranking import RANKING
from ..artifacts.record import RUN_FILE, read_run_file, write_run_file
from ..artifacts.reviews import REVIEWS
from ..artifacts.rows import ROWS_FILE
from ..errors import SpecError, UnavailableError
from ..plan.refs import StageRef
from ..plan.stage import RunFacts
from ..runfile.run_spec import RunSpec
from ..storage.journal import note_event
from ..storage.lock import exclusive_lock
from ..storage.publish import remove_partials
from ..workers.base import DISK_REMEDIES
from .prepare import prepare_data

_LOCK = ".lock"
_BEFORE_RUN_FILE = {ROWS_FILE, DATA_FILES, ENCODER_FOLDER, REVIEWS, RANKING, "prefect", "logs"}
"""Files that a run killed during set-up may have left."""


@dataclass(frozen=True, slots=True)
class Run:
    """An open run directory, locked by this process."""

    root: Path
    spec: RunSpec
    facts: RunFacts


@contextmanager
def open_run(
    spec: RunSpec,
    note: Callable[[str], None] = lambda _: None,
    *,
    repair: bool = False,
    new_data: bool = False,
    redone: StageRef | None = None,
) -> Iterator[Run]:
    """Create or continue the run of this spec, and hold its lock for the duration of the block.

    note: told if opening has to wait. repair: rewrite damaged files of the run itself instead of refusing them.
    new_data: if the data set or its review has changed, start over with the new data instead of refusing them.
    redone: the stage from which the caller will redo the run; a changed review counts from there on.

    Raises: SpecError for a directory that is not a run; StaleError if the data changed; LockedError if another process
    works on it; UnavailableError if it cannot be written; DataError.
    """
    root = spec.root
    _make_directory(root, repair=repair)
    with exclusive_lock(root / _LOCK, note=note):
        # Each stage removes its own partial files when its turn comes.
        remove_partials(root, below=False)
        remove_partials(root / ENCODER_FOLDER)
        remove_partials(root / REVIEWS)
        remove_partials(root / RANKING)
        prepared = prepare_data(spec, repair=repair, new_data=new_data, redone=redone, note=note)
        write_run_file(spec, prepared.facts, prepared.identity, prepared.splitting, prepared.pictures)
        note_event(root, "opened", pid=os.getpid(), **_review(prepared.facts))
        for remark in prepared.facts.remarks:
            note(remark)
        for asked in prepared.facts.protocols:
            if asked.queries < asked.left_out:
                note(f"{asked.title}: {asked.described}")
        yield Run(root, spec, prepared.facts)


def _review(facts: RunFacts) -> dict[str, Any]:
    return {"reviews": facts.reviews, "held_out": facts.held_out} if facts.reviews or facts.held_out else {}


def _make_directory(root: Path, *, repair: bool) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        foreign = [path.name for path in root.iterdir() if not _ours(path.name)]
        if (root / RUN_FILE).exists():
            if not repair:
                read_run_file(root)
        elif foreign and not _lacks_run_file(root):
            raise SpecError(
                f"run.directory {root} is not empty and not a run (it has {sorted(foreign)[0]}): "
                "choose another, or empty it"
            )
        # Touch the lock first: this fails if the file system became read-only, which os.access does not show.
        (root / _LOCK).touch()
        if not os.access(root, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (FileExistsError, NotADirectoryError):
        raise SpecError(f"run.directory {root} is a file: choose another") from None
    except OSError as error:
        remedy = DISK_REMEDIES.get(error.errno or 0, "mend that")
        raise UnavailableError(
            f"run.directory {root} cannot be written ({error.strerror}): {remedy}, or choose another"
        ) from None


def _ours(name: str) -> bool:
    return name in _BEFORE_RUN_FILE or name.startswith(".")


def _lacks_run_file(root: Path) -> bool:
    """Whether this is a run whose damaged run.json was deleted, as the error about it advises."""
    return (root / ROWS_FILE).is_file() and (root / _LOCK).is_file()
