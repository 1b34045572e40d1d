"""Check that losses and guards suit the rows' labels and groups, and give the labels' part of the fingerprint."""

from typing import Any, get_args

import pyarrow as pa

from ..data.base import SPLITS
from ..data.rows import RunRows
from ..errors import SpecError
from ..plan.stage import RunFacts
from ..runfile.loss_spec import OF_ONE_CLASS, OF_PAIRS, LossName
from ..runfile.run_spec import RunSpec


def label_keys(facts: RunFacts) -> dict[str, Any]:
    """Result keys: one if training rows have several labels, since earlier versions used only the first of them; and
    one for the ranking of items."""
    sets = {"labels": "sets"} if facts.several[0] else {}
    return sets | ({"ranking": facts.ranking} if facts.ranking else {})


def check_groups(spec: RunSpec, groups: pa.Array | None) -> None:
    """Check that the data set has groups if mining needs them. Raises: SpecError."""
    asked = spec.mine.guards.same_group
    if asked is not None and (groups is None or groups.null_count == len(groups)):
        raise SpecError(
            f'mine.guards.same_group is "{asked}", but no row of the data set has a group: add a column "group" to its '
            "table, or leave mine.guards.same_group out"
        )


def check_scored_labels(spec: RunSpec, rows: RunRows) -> list[str]:
    """Remarks about held-out labels that a loss which scores classes does not know; empty for other losses.

    Raises: SpecError if validation has none of the labels of the training split.
    """
    name = spec.loss.of_labels
    if name is None:
        return []
    known = rows.class_sizes("train").keys()
    unknown = {split: rows.class_sizes(split).keys() - known for split in SPLITS[1:]}
    if unknown["validation"] and unknown["validation"] == rows.class_sizes("validation").keys():
        raise SpecError(
            f"loss.weights names {name}, which scores the labels of the training split, but no row of validation has "
            f'one of them (its first is "{min(unknown["validation"])}"): give both splits rows of the same labels, or '
            "choose a loss of distances, such as triplet"
        )
    return [
        f'{len(names):,} labels of the {split} split are not in the training split (such as "{min(names)}"): {name} '
        "does not score them, and metrics of labels leave them out"
        for split, names in unknown.items()
        if names
    ]


def check_losses(spec: RunSpec, facts: RunFacts) -> None:
    """Check that training rows have a single label if a loss needs that. Raises: SpecError."""
    named = [name for name in spec.loss.weights if name in OF_ONE_CLASS]
    if not (named and facts.several[0]):
        return
    others = [name for name in get_args(LossName) if name not in OF_ONE_CLASS | OF_PAIRS]
    separated = spec.data.label_separator
    whole = f' (without data.label_separator "a{separated}b" is one label)' if separated else ""
    raise SpecError(
        f"loss.weights names {' and '.join(named)}, which needs exactly one label per row, but {facts.several[0]} of "
        f"{facts.train} training rows have several: use others ({', '.join(others)}), or give each row one label{whole}"
    )
