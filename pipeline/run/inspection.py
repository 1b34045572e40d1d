"""Numbers about what an epoch mined: counts, distributions, the hardest triplets with the keys of their rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...mining.labels import Labels
from ..artifacts.record import open_record
from ..artifacts.scores import mined_epoch
from ..artifacts.triplets import CONFUSION, each_part
from ..data.rows import RunRows
from ..errors import CorruptError
from ..plan.refs import StageRef, manifest_of
from ..storage.committed import Committed
from ..storage.tables import read_table
from ..workers.opened import reviewed_rows, rows_of

PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
_COLUMNS = ("anchor", "positive", "negative", "sq_positive", "sq_negative", "positive_rank", "negative_rank")


@dataclass(frozen=True, slots=True)
class HardTriplet:
    """A triplet with the keys and labels of its rows; hinge = d²(a,p) + m - d²(a,n)."""

    anchor: str
    positive: str
    negative: str
    anchor_label: str
    negative_label: str
    sq_positive: float
    sq_negative: float
    hinge: float


@dataclass(frozen=True, slots=True)
class ConfusedClasses:
    """Two classes that lie close: their number of admissible (anchor, negative) pairs, and the mean hinge of these."""

    label_a: str
    label_b: str
    count: int
    mean_hinge: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an epoch mined. why: why this epoch was chosen. counts: those of the manifest. distributions: column → its
    percentiles (see PERCENTILES)."""

    epoch: int
    why: str
    k_hardness: float
    hardness: Mapping[str, Any]
    counts: Mapping[str, Any]
    distributions: Mapping[str, tuple[float, ...]]
    hardest: tuple[HardTriplet, ...]
    confused: tuple[ConfusedClasses, ...]


def inspect_epoch(root: Path, epoch: int | None = None, *, hardest: int = 10) -> Inspection:
    """Summarise the mined triplets of an epoch; by default the best on validation of those that have triplets.

    Raises: SpecError if the epoch mined nothing (yet); CorruptError for damaged files; UnavailableError if its triplets
    were pruned.
    """
    spec, facts = open_record(root)
    chosen = mined_epoch(root, epoch)
    ref = StageRef(chosen.number, "mine")
    manifest = manifest_of(root, ref)
    if manifest is None:
        raise CorruptError(f"{ref.folder(root)} has lost its manifest: redo it with {ref.redo}")
    mine = Committed(ref.folder(root), manifest)
    columns = _all_columns(mine)
    # The margin used in mining. That of run.json may differ: it is of the spec last opened, even if it was refused.
    margin = manifest.inputs["keys"]["mine"]["margin"]
    hinge = columns["sq_positive"] + np.float32(margin) - columns["sq_negative"]
    shown = {name: columns[name] for name in _COLUMNS[3:]} | {"hinge": hinge}
    rows = rows_of(root, facts.data_digest)
    labels = reviewed_rows(root, spec, facts, manifest.inputs["keys"].get("review")).labels
    return Inspection(
        epoch=chosen.number,
        why=chosen.why,
        k_hardness=float(manifest.report["k_hardness"]),
        hardness=manifest.report["hardness"],
        counts=manifest.report["counts"],
        distributions={name: _percentiles(values) for name, values in shown.items()},
        hardest=_hardest(columns, hinge, rows, labels, hardest),
        confused=_confused(mine, hardest),
    )


def _all_columns(mine: Committed) -> dict[str, NDArray[Any]]:
    parts = list(each_part(mine, _COLUMNS))
    return {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}


def _percentiles(values: NDArray[Any]) -> tuple[float, ...]:
    if not len(values):
        return (float("nan"),) * len(PERCENTILES)
    return tuple(np.percentile(values, PERCENTILES).tolist())


def _hardest(
    columns: Mapping[str, NDArray[Any]], hinge: NDArray[np.float32], rows: RunRows, labels: Labels, count: int
) -> tuple[HardTriplet, ...]:
    order = np.argsort(-hinge, kind="stable")[:count]
    ids = np.stack([columns[name][order] for name in ("anchor", "positive", "negative")], axis=1)
    return tuple(
        HardTriplet(
            *rows.keys(ids[place]),
            anchor_label=_text(labels, ids[place, 0]),
            negative_label=_text(labels, ids[place, 2]),
            sq_positive=float(columns["sq_positive"][at]),
            sq_negative=float(columns["sq_negative"][at]),
            hinge=float(hinge[at]),
        )
        for place, at in enumerate(order)
    )


def _confused(mine: Committed, count: int) -> tuple[ConfusedClasses, ...]:
    table = read_table(mine.checked(CONFUSION), ("label_a", "label_b", "count", "mean_hinge"))
    order = np.argsort(-table["count"].to_numpy(), kind="stable")[:count]
    return tuple(ConfusedClasses(**row) for row in table.take(order).to_pylist())


def _text(labels: Labels, row: int) -> str:
    return "|".join(map(str, labels.of(row)))
