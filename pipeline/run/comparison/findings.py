"""What mining found in a run, by the names of classes: the hardest triplets, and labels that look like one class."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ...artifacts.scores import mined_epoch
from ...errors import UnavailableError
from ...standalone.audit import suspects_of
from ...standalone.triplet_folder import open_triplets
from ..inspection import HardTriplet, inspect_epoch

_LOOKED_AT = 1000
"""Of the hardest triplets: many have the same two classes, of which one is shown."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Two labels, and how many pairs of rows of them look like rows of one class."""

    label: str
    other_label: str
    pairs: int


@dataclass(frozen=True, slots=True)
class Findings:
    """epoch, why: which epoch was looked at. hardest: of each two classes the hardest triplet, hardest first.

    mislabelled: rows that look so. pairs: of rows that look like one class under two labels, by which labels in alike,
    most frequent first. Both counts None where the neighbours were deleted by run.keep.
    """

    epoch: int
    why: str
    hardest: tuple[HardTriplet, ...]
    mislabelled: int | None
    pairs: int | None
    alike: tuple[Alike, ...]


def findings_of(root: Path, *, most: int = 5) -> Findings:
    """What an epoch of the run mined: the best on validation of those whose triplets and neighbours are still there, or
    where none has its neighbours, whose triplets are. most: how many of each list.

    Raises: SpecError where the run mined nothing (yet); UnavailableError where all triplets were pruned; CorruptError.
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
