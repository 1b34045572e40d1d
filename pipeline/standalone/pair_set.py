"""Triplets of queries and documents in memory, and their conversion to tables."""

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
    """Triplets of a query, a relevant document and another document, with the report of mining.

    Attributes:
        columns: One array per column, all of the same length, ordered by query. ``anchor`` int64 is a row of the
            queries, ``positive`` and ``negative`` int64 are rows of the corpus; ``sq_positive`` and ``sq_negative``
            float32 are squared distances to the query (for unit vectors the cosine is 1 − d²/2); ``positive_rank`` and
            ``negative_rank`` int32 are 0-based ranks among the query's neighbours, −1 outside them; ``k_hardness``
            float32.
        relevance: The documents relevant to each query; ``relevance.without`` counts queries that have none.
        rule: The rule with which they were mined.
        report: Counts over the queries that have a relevant document.
        graph: How the neighbours were found; None if they were given, or the triplets were read from files.
        query_keys: The keys of all queries; None for arrays, which have no keys.
        corpus_keys: The keys of all documents; None for arrays.
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
        """The columns as an Arrow table, with the keys of the rows if there are any.

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
        """The triplets in a form for trainers, with texts, keys or row numbers.

        Args:
            form: As in ``TripletSet.training_set``.
            query_texts: One for each row of the queries; by default keys or row numbers.
            corpus_texts: One for each row of the corpus.
            negatives: n of "n-tuple", by default ``rule.negatives_per_positive``.
            scores: Add the cosines to the query; they replace labels.

        Raises:
            InputError: For an unknown form, an invalid number of negatives, and a wrong number of texts.
        """
        known = self.relevance
        queries = given_names(self.query_keys, query_texts, known.queries, subject="query_texts")
        corpus = given_names(self.corpus_keys, corpus_texts, known.corpus, subject="corpus_texts")
        asked = Form(form, negatives, scores)
        return TrainingSet(
            *in_form(self.columns, asked, queries, corpus, negatives=self.rule.negatives_per_positive)
        )

    def to_pandas(self) -> "pandas.DataFrame":
        """The columns as a pandas DataFrame, see ``to_arrow``. Raises: ImportError without pandas."""
        return self.to_arrow().to_pandas()
