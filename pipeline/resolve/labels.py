"""What follows from the labels and groups of rows: which losses and guards can use them, and another fingerprint."""

from typing import Any, get_args

import pyarrow as pa

from ..errors import SpecError
from ..plan.stage import RunFacts
from ..runfile.loss_spec import OF_ONE_CLASS, LossName
from ..runfile.run_spec import RunSpec


def label_keys(facts: RunFacts) -> dict[str, Any]:
    """A result key for training rows with several labels, of which earlier versions trained on the first alone."""
    return {"labels": "sets"} if facts.several[0] else {}


def check_groups(spec: RunSpec, groups: pa.Array | None) -> None:
    """Raises: SpecError where mining asks for groups, and the data set has none."""
    asked = spec.mine.guards.same_group
    if asked is not None and (groups is None or groups.null_count == len(groups)):
        raise SpecError(
            f'mine.guards.same_group is "{asked}", but no row of the data set has a group: add a column "group" to its '
            "table, or leave mine.guards.same_group out"
        )


def check_losses(spec: RunSpec, facts: RunFacts) -> None:
    """Raises: SpecError where a loss needs one class a row and training rows have several."""
    named = [name for name in spec.loss.weights if name in OF_ONE_CLASS]
    if not (named and facts.several[0]):
        return
    others = [name for name in get_args(LossName) if name not in OF_ONE_CLASS]
    separated = spec.data.label_separator
    whole = f' (without data.label_separator "a{separated}b" is one label)' if separated else ""
    raise SpecError(
        f"loss.weights names {' and '.join(named)}, which needs exactly one label a row, but {facts.several[0]} of "
        f"{facts.train} training rows have several: use others ({', '.join(others)}), or give each row one label{whole}"
    )
