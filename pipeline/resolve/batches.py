"""How batches are composed, as a pure function of the spec and the counts."""

from typing import Literal, NamedTuple

from ...models.batches.settings import BatchShape
from ...models.rules.in_batch import BatchRule, SemiHard, Stored, StoredAndFresh, WithinBoundary
from ..plan.stage import RunFacts
from ..runfile.run_spec import RunSpec


class BatchKind(NamedTuple):
    """How batches are composed. name: as in train.batches, without "auto". why: the reason, for people."""

    name: Literal["neighbourhood", "triplets", "class_balanced", "pairs"]
    why: str


def resolve_batches(spec: RunSpec, facts: RunFacts) -> BatchKind:
    """The kind of batches after the warm-up, with "auto" resolved.

    If all classes fit into one batch, confused classes meet in every batch. Neighbourhood batches then add nothing, and
    their preference for rows with mined triplets would only neglect the other rows.
    """
    batches = spec.train.batches
    if spec.loss.of_pairs:
        return BatchKind("pairs", f"{spec.loss.of_pairs} learns from data.pairs")
    if batches != "auto":
        return BatchKind(batches, "as the run file says")
    if spec.mine.every == "never":
        return BatchKind("class_balanced", "nothing is mined")
    in_batch, classes = spec.train.classes_per_batch, facts.classes - facts.singletons
    if classes <= in_batch:
        return BatchKind("class_balanced", f"a batch of {in_batch} classes holds all {classes}")
    return BatchKind(
        "neighbourhood", f"a batch holds {in_batch} of {classes:,} classes, those that are confused"
    )


def mining_described(spec: RunSpec, batches: BatchKind) -> str:
    """How often the run mines and what training uses of it, for people."""
    every = spec.mine.every
    if every == "never" and batches.name == "pairs":
        return "never: all epochs train on random pairs"
    if every == "never":
        return "never: all epochs train on semi-hard triplets of class-balanced batches"
    often = (
        "in every epoch"
        if every == 1
        else f"in one of {every} epochs, the others are trained like the warm-up"
    )
    if batches.name != "class_balanced":
        return f"{often} after the warm-up"
    taken = (
        "training takes nothing from it"
        if spec.triplet_rule == "semi_hard"
        else "training uses its k, but none of its triplets"
    )
    return f'{often} after the warm-up, for inspection only: {taken} (mine.every = "never" saves its time)'


def batch_rule(spec: RunSpec, k_hardness: float) -> BatchRule:
    """The rule that selects the triplets of a batch after the warm-up."""
    if spec.triplet_rule == "semi_hard":
        return SemiHard(spec.margin)
    if spec.triplet_rule == "stored":
        return Stored(spec.margin)
    fresh = WithinBoundary(
        k_hardness=k_hardness,
        margin=spec.margin,
        nearer_positive=spec.mine.nearer_positive,
        nearest_only=spec.train.negatives == "nearest",
    )
    return StoredAndFresh(fresh) if spec.triplet_rule == "both" else fresh


STORED_SHARE = 0.4
"""Images per epoch with stored triplets, as a share of the rows: in longer epochs the triplets go stale."""


def images_per_epoch(spec: RunSpec, rows: int) -> int:
    """Number of images in an epoch."""
    if spec.train.images_per_epoch is not None:
        return spec.train.images_per_epoch
    return max(1, round(STORED_SHARE * rows)) if spec.trains_stored else rows


def batch_shape(spec: RunSpec) -> BatchShape:
    """Classes and images per class of a batch, from the run file."""
    return spec.train.build(BatchShape)
