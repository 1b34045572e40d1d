"""Gather the content of a page from a run or a folder of triplets. Large files are sampled, so the work is bounded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...mining.errors import InputError
from ...mining.labels import Labels
from ..errors import PipelineError
from .content import Changes, ConfusedPair, Confusions, Content
from .sections.confusions import PairTable, confusion_file, confusions, count_pairs, most_confused, pair_at
from .sections.curves import changes_since, run_curves
from .sections.hardest import find_hardest
from .sections.record import as_toml, folder_about, folder_tables, run_tables
from .sections.roc import run_rocs
from .sections.sample_map import Method, map_sample
from .sections.sentences import folder_sentences, run_sentences
from .sections.suspects import Decided, find_suspects
from .source import Source
from .words import SHOWN, clean

SUSPECTS = 200
HARDEST = 24
CONFUSED = 30
_CHANGED = 8
_CLASS_NAMES = 2000
"""Maximum number of class names offered as suggestions when the user types a label."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, eq=False)
class _Confused:
    """Confusions of the same pairs in this epoch and, if it is available, in the previous mined epoch."""

    labels: Labels
    epoch: int | None
    now: PairTable
    before: PairTable | None


class Missing:
    """Makes sections that may fail because of missing or damaged files, and records why."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def attempt(self, what: str, make: Callable[[], Found]) -> Found | None:
        """The result of `make`; None if it fails, and the reason is recorded."""
        try:
            return make()
        except (PipelineError, InputError) as error:
            self.told.append((what, str(error)))
            return None
        finally:
            pa.default_memory_pool().release_unused()  # else the memory of all sections adds up

    def once(self) -> list[tuple[str, str]]:
        """(what, why) of all failures; those with the same reason are merged."""
        by_reason: dict[str, list[str]] = {}
        for what, why in self.told:
            by_reason.setdefault(why, []).append(what)
        return [(", ".join(names), why) for why, names in by_reason.items()]


def gather(source: Source, *, method: Method, decided: Decided = ()) -> Content:
    """All sections that can be made, and the reasons why others cannot."""
    missing = Missing()
    status = source.status
    opened = missing.attempt("Triplets", lambda: source.triplets("mine"))
    confused = missing.attempt("Confused classes", lambda: _read_confused(source))
    pairs = _shown(confused)
    hardest = missing.attempt(
        "Hardest triplets",
        lambda: find_hardest(source.triplets("mine"), limit=HARDEST, confused=_by_count(confused)),
    )
    suspects = missing.attempt(
        "Suspects",
        lambda: find_suspects(source.triplets("mine", "graph"), limit=SUSPECTS, decided=decided),
    )
    sample_map = missing.attempt(
        "Map",
        lambda: map_sample(source.triplets("mine", "embed"), pairs.pairs if pairs else (), method),
    )
    tables = missing.attempt("Record", lambda: _tables(source))
    return Content(
        title=source.name,
        subject="run" if status else "folder",
        epoch=(opened.chosen or "") if opened else "",
        sentences=run_sentences(status) if status else folder_sentences(source.triplets("mine")),
        suspects=suspects,
        hardest=hardest,
        curves=run_curves(status) if status else None,
        confusions=pairs,
        changes=_changes(source, confused),
        sample_map=sample_map,
        tables=tables or [],
        settings=as_toml(status.spec) if status else settings_of(source),
        missing=missing.once(),
        rocs=run_rocs(status) if status else (),
        class_names=_class_names(opened.labels) if opened else (),
    )


def _read_confused(source: Source) -> _Confused:
    triplets = source.triplets("mine")
    path = confusion_file(triplets, source.path)
    codes = most_confused(path)
    number = _mined_before(source, triplets.epoch)
    earlier = None
    if number is not None:
        try:
            earlier = confusion_file(triplets, source.path, number)
            codes = np.union1d(codes, most_confused(earlier))
        except PipelineError:
            earlier = None
    now = count_pairs(path, codes)
    before = None if earlier is None else count_pairs(earlier, codes)
    return _Confused(triplets.labels, triplets.epoch, now, before)


def _mined_before(source: Source, epoch: int | None) -> int | None:
    """The last mined epoch before this one whose files still exist; None if there is none."""
    if source.status is None or epoch is None:
        return None
    mined = [
        each.number
        for each in source.status.epochs
        if each.number < epoch
        and any(stage.ref.stage == "mine" and stage.state == "committed" for stage in each.stages)
    ]
    return mined[-1] if mined else None


def _shown(confused: _Confused | None) -> Confusions | None:
    if confused is None:
        return None
    return confusions(confused.now, confused.labels, limit=CONFUSED, before=confused.before)


def _by_count(confused: _Confused | None) -> NDArray[np.int64] | None:
    if confused is None:
        return None
    return confused.now.codes[np.argsort(-confused.now.count, kind="stable")]


def _changes(source: Source, confused: _Confused | None) -> Changes | None:
    if source.status is None:
        return None
    more: list[ConfusedPair] = []
    less: list[ConfusedPair] = []
    if confused is not None and confused.before is not None:
        difference = confused.now.count - confused.before.count
        order = np.argsort(-difference, kind="stable")
        at = lambda place: pair_at(confused.now, int(place), confused.labels, confused.before)  # noqa: E731
        more = [at(place) for place in order[:_CHANGED] if difference[place] > 0]
        less = [at(place) for place in order[::-1][:_CHANGED] if difference[place] < 0]
    epoch = None if confused is None else confused.epoch
    return changes_since(source.status, epoch, more, less)


def _tables(source: Source) -> list[tuple[str, list[tuple[str, str]]]]:
    status = source.status
    if status is None:
        tables = folder_tables(folder_about(source.triplets("mine").folder))
    else:
        try:
            epoch = source.triplets("mine").epoch
        except PipelineError:
            epoch = status.best
        tables = run_tables(status, epoch)
    return [(title, list(lines)) for title, lines in tables if lines]


def settings_of(source: Source) -> str:
    """The settings with which a folder was mined, as text."""
    import json

    from ..redact import redacted

    about = folder_about(source.triplets("mine").folder)
    return redacted(json.dumps(about["settings"], indent=2, ensure_ascii=False))


def _class_names(labels: Labels) -> list[str]:
    """Class names offered as suggestions; none if they are so many that they would dominate the page's size."""
    names = [str(name) for name in labels.names]
    names = [
        name for name in names if len(name) <= SHOWN and clean(name) == name
    ]  # names that can be read in full
    return names if len(names) <= _CLASS_NAMES and sum(map(len, names)) < 100_000 else []
