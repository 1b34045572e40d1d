"""Triplets of queries and documents in memory, and the same as a table for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from numpy.typing import NDArray

from ...mining.graphs.build import GraphReport
from ...mining.pairs.relevance import Relevance
from ...mining.report import MiningReport
from ...mining.rule import MiningRule
from .training_sets.forms import Form, in_form
from .training_sets.names import given_names
from .training_sets.training_set import TrainingSet

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairSet:
    """Triplets of a query, a relevant document and another one, and what was counted while they were mined.

    Attributes:
        columns: One array a column, all of the same length, ordered by query. ``anchor`` int64 is a row of the
            queries, ``positive`` and ``negative`` int64 are rows of the corpus; ``sq_positive`` and ``sq_negative``
            float32 squared distances to the query, from which the cosine of unit vectors is 1 − d²/2;
            ``positive_rank`` and ``negative_rank`` int32 0-based places among the query's neighbours, −1 outside
            them; ``k_hardness`` float32.
        relevance: Which documents are relevant to which query; ``relevance.without`` counts queries that have none.
        rule: By which they were mined.
        report: Of the queries that have a relevant document.
        graph: How the neighbours were found; None where they were given, and for triplets read from files.
        query_keys: Of all queries; None for arrays, whose rows have none.
        corpus_keys: Of all documents; None for arrays.
    """

    columns: dict[str, NDArray[Any]]
    relevance: Relevance
    rule: MiningRule
    report: MiningReport
    graph: GraphReport | None = None
    query_keys: pa.Array | None = None
    corpus_keys: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.columns["anchor"])

    def __repr__(self) -> str:
        report, known = self.report, self.relevance
        return (
            f"PairSet({len(self):,} triplets of {report.anchors_with_triplet:,} of {known.queries:,} queries against "
            f"{known.corpus:,} documents, k_hardness = {self.rule.k_hardness:g}, margin = {self.rule.margin:g})"
        )

    def to_arrow(self) -> pa.Table:
        """The columns as an Arrow table, with the rows' keys where they have some.

        Numbers share the memory of ``columns``.
        """
        arrays: dict[str, Any] = {name: pa.array(values) for name, values in self.columns.items()}
        if self.query_keys is not None:
            arrays["anchor_key"] = self.query_keys.take(arrays["anchor"])
        if self.corpus_keys is not None:
            for role in ("positive", "negative"):
                arrays[f"{role}_key"] = self.corpus_keys.take(arrays[role])
        return pa.table(arrays)

    def training_set(
        self,
        form: str = "triplet",
        *,
        query_texts: Sequence[str] | None = None,
        corpus_texts: Sequence[str] | None = None,
        negatives: int | None = None,
        scores: bool = False,
    ) -> TrainingSet:
        """The triplets as trainers take them, by keys, row numbers or texts.

        Args:
            form: As of ``TripletSet.training_set``.
            query_texts: One for each row of the queries.
            corpus_texts: One for each row of the corpus.
            negatives: n of "n-tuple", by default ``rule.negatives_per_positive``.
            scores: Add the cosines to the query; instead of labels, where the form has them.

        Raises:
            InputError: For another form, a number that means nothing, and texts of another number.
        """
        known = self.relevance
        queries = given_names(self.query_keys, query_texts, known.queries, subject="query_texts")
        corpus = given_names(self.corpus_keys, corpus_texts, known.corpus, subject="corpus_texts")
        asked = Form(form, negatives, scores)
        return TrainingSet(
            *in_form(self.columns, asked, queries, corpus, negatives=self.rule.negatives_per_positive)
        )

    def to_pandas(self) -> "pandas.DataFrame":
        """The same as a DataFrame. Raises: ImportError without pandas."""
        return self.to_arrow().to_pandas()
