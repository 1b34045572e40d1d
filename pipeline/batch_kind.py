"""How batches are composed: a pure function of the spec and the counts."""

from typing import Literal, NamedTuple

from .plan.stage import RunFacts
from .runfile.run_spec import RunSpec


class BatchKind(NamedTuple):
    """name: as in train.batches, but never "auto". why: one sentence for people."""

    name: Literal["neighbourhood", "triplets", "class_balanced"]
    why: str


def resolve_batches(spec: RunSpec, facts: RunFacts) -> BatchKind:
    """The batches after the warm-up, with "auto" resolved.

    Where a batch has room for every class, confused classes meet in any batch: a walk over the classes can add nothing,
    and preferring the rows with mined triplets only leaves the others out.
    """
    batches = spec.train.batches
    if batches != "auto":
        return BatchKind(batches, "as the run file says")
    in_batch, classes = spec.train.classes_per_batch, facts.classes - facts.singletons
    if classes <= in_batch:
        return BatchKind("class_balanced", f"a batch of {in_batch} classes holds all {classes}")
    return BatchKind(
        "neighbourhood", f"a batch holds {in_batch} of {classes:,} classes, those that are confused"
    )
