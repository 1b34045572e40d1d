"""Findings of mining in a run, by class: the hardest triplets, and labels that look like one class."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ...artifacts.scores import mined_epoch
from ...errors import UnavailableError
from ...standalone.audit import suspects_of
from ...standalone.triplet_folder import open_triplets
from ..inspection import HardTriplet, inspect_epoch

_LOOKED_AT = 1000
"""Number of hardest triplets read. Many share their two classes, and one is shown for each two classes."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Two labels, and the number of pairs of their rows that look like rows of one class."""

    label: str
    other_label: str
    pairs: int


@dataclass(frozen=True, slots=True)
class Findings:
    """epoch, why: the epoch that was read, and why this one. hardest: the hardest triplet of each two classes, hardest
    first.

    mislabelled: number of rows that look mislabelled. pairs: number of pairs of rows that look like one class under two
    labels; alike counts them by labels, most frequent first. Both numbers are None if run.keep deleted the neighbours.
    """

    epoch: int
    why: str
    hardest: tuple[HardTriplet, ...]
    mislabelled: int | None
    pairs: int | None
    alike: tuple[Alike, ...]


def findings_of(root: Path, *, most: int = 5) -> Findings:
    """Findings of the best epoch on validation that still has triplets and neighbours, or else triplets only.

    most: maximum length of each list.
    Raises: SpecError if the run mined nothing (yet); UnavailableError if all triplets were pruned; CorruptError.
    """
    try:
        chosen = mined_epoch(root, needs=("mine", "graph"))
        source = open_triplets(root, chosen.number)
        suspected = suspects_of(source)
    except UnavailableError:
        chosen, source, suspected = mined_epoch(root), None, None
    triplets = inspect_epoch(root, chosen.number, hardest=_LOOKED_AT).hardest
    by_classes: dict[frozenset[str], HardTriplet] = {}
    for each in triplets:
        by_classes.setdefault(frozenset((each.anchor_label, each.negative_label)), each)
    hardest = tuple(by_classes.values())[:most]
    if source is None or suspected is None:
        return Findings(chosen.number, chosen.why, hardest, None, None, ())
    columns = (suspected.false_negatives[name].tolist() for name in ("label", "other_label"))
    counted = Counter(zip(*columns, strict=True))
    names = source.labels.names
    return Findings(
        chosen.number,
        chosen.why,
        hardest,
        len(suspected.mislabelled["row"]),
        counted.total(),
        tuple(
            Alike(str(names[one]), str(names[other]), pairs)
            for (one, other), pairs in counted.most_common(most)
        ),
    )
