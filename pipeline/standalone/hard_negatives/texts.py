"""The distinct texts of a data set of pairs, and which of them belong together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....mining.errors import InputError
from ....mining.neighbours import NO_ROW

_SHOWN = 40


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """queries, corpus: distinct texts in order of first mention; positives missing in the given corpus are appended.

    starts, positives: int64 (Q + 1,) and int64 (P,); the positives of query q are the rows
    ``positives[starts[q]:starts[q + 1]]`` of the corpus, each once, in order of mention.
    own: int64 (Q,), the row of the corpus with the same text as the query, −1 for none.
    most_positives: the most rows of the data set with the same query, repetitions included.
    """

    queries: list[str]
    corpus: list[str]
    starts: NDArray[np.int64]
    positives: NDArray[np.int64]
    own: NDArray[np.int64]
    most_positives: int

    def query_of_pair(self) -> NDArray[np.int64]:
        """int64 (P,): the query of each positive."""
        return np.repeat(np.arange(len(self.queries)), np.diff(self.starts))


def texts_of(
    anchors: Sequence[object], positives: Sequence[object], corpus: Iterable[object] | None
) -> Texts:
    """Collect the texts of pairs. Rows with the same query give it several positives.

    Raises: InputError for no pairs, and for values that are not texts.
    """
    if not len(anchors):
        raise InputError("the dataset is empty: give at least one pair of a query and a text that answers it")
    named = _checked(anchors, "query"), _checked(positives, "positive")
    given = [] if corpus is None else _checked(list(corpus), "corpus")
    document_of = {text: row for row, text in enumerate(dict.fromkeys([*given, *named[1]]))}
    answers: dict[str, dict[int, None]] = {}
    for query, positive in zip(*named, strict=True):
        answers.setdefault(query, {})[document_of[positive]] = None
    starts = np.zeros(len(answers) + 1, np.int64)
    np.cumsum([len(rows) for rows in answers.values()], out=starts[1:])
    return Texts(
        queries=list(answers),
        corpus=list(document_of),
        starts=starts,
        positives=np.array([row for rows in answers.values() for row in rows], np.int64),
        own=np.array([document_of.get(query, NO_ROW) for query in answers], np.int64),
        most_positives=max(Counter(named[0]).values()),
    )


def _checked(values: Sequence[object], what: str) -> list[str]:
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(
                f"{what} {row} is {str(value)[:_SHOWN]!r} of type {type(value).__name__}, not a text: drop its row, or "
                "turn it into a string"
            )
    return list(values)  # type: ignore[arg-type]  # the loop has seen that each is a string
