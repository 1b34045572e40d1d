"""A set of triplets in memory, and its conversion to tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...mining.graphs.build import GraphReport
from ...mining.labels import Labels
from ...mining.report import MiningReport
from ...mining.rule import MiningRule
from .training_sets.forms import Form, in_form
from .training_sets.names import given_names
from .training_sets.training_set import TrainingSet

if TYPE_CHECKING:
    import pandas

_ROLES = ("anchor", "positive", "negative")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TripletSet:
    """Triplets, the rule with which they were mined, and the report of mining.

    Attributes:
        columns: One array per column, all of the same length, ordered by anchor. ``anchor``, ``positive`` and
            ``negative`` int64 are rows of the vectors; ``sq_positive`` and ``sq_negative`` float32 are squared
            distances to the anchor; ``positive_rank`` and ``negative_rank`` int32 are 0-based ranks among the anchor's
            neighbours, −1 outside them; ``anchor_label`` and ``negative_label`` int32 are positions in
            ``labels.names``; ``k_hardness`` float32.
        labels: The labels of all rows.
        rule: The rule of mining.
        report: Anchors, coverage, hinge, refusals.
        graph: How the neighbours were found; None if they were given, or the triplets were read from files.
        keys: The keys of all rows; None for arrays, which have no keys.
    """

    columns: dict[str, NDArray[Any]]
    labels: Labels
    rule: MiningRule
    report: MiningReport
    graph: GraphReport | None = None
    keys: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.columns["anchor"])

    def __repr__(self) -> str:
        report = self.report
        return (
            f"TripletSet({len(self):,} triplets of {report.anchors_with_triplet:,} of {report.anchors:,} anchors, "
            f"{self.labels.classes:,} classes, k_hardness = {self.rule.k_hardness:g}, margin = {self.rule.margin:g})"
        )

    def to_arrow(self) -> pa.Table:
        """The columns as an Arrow table, with class names for class codes, and the keys of the rows if there are any.

        Numbers share the memory of ``columns``.
        """
        names = pa.array(self.labels.name_array())
        arrays: dict[str, Any] = {}
        for name, values in self.columns.items():
            coded = name.endswith("_label")
            arrays[name] = (
                pa.DictionaryArray.from_arrays(pa.array(values), names) if coded else pa.array(values)
            )
        if self.keys is not None:
            for role in _ROLES:
                arrays[f"{role}_key"] = self.keys.take(arrays[role])
        return pa.table(arrays)

    def training_set(
        self,
        form: str = "triplet",
        *,
        texts: Sequence[str] | None = None,
        negatives: int | None = None,
        scores: bool = False,
    ) -> TrainingSet:
        """The triplets in a form for trainers, with texts, keys or row numbers.

        Args:
            form: "triplet", "n-tuple" (one row per pair of anchor and positive, with n negatives), "labeled-pair" or
                "labeled-list", in columns for sentence-transformers; or "flagembedding" or "tevatron".
            texts: One for each row of the vectors; by default keys or row numbers.
            negatives: n of "n-tuple", by default ``rule.negatives_per_positive``.
            scores: Add the cosines to the anchor; they replace labels.

        Raises:
            InputError: For an unknown form, an invalid number of negatives, and a wrong number of texts.
        """
        names = given_names(self.keys, texts, len(self.labels), subject="texts")
        asked = Form(form, negatives, scores)
        return TrainingSet(
            *in_form(self.columns, asked, names, names, negatives=self.rule.negatives_per_positive)
        )

    def to_pandas(self) -> "pandas.DataFrame":
        """The columns as a pandas DataFrame, with labels as a categorical. Raises: ImportError without pandas."""
        return self.to_arrow().to_pandas()


def in_order(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The concatenated columns of consecutive parts."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
