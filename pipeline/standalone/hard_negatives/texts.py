"""The texts of a data set of pairs, each once, and which belong together."""

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
    """queries, corpus: each text once, in order of first mention; the corpus ends with positives that it lacked.

    starts: int64 (Q + 1,), and positives: int64 (P,), rows of the corpus: those of query q are
    ``positives[starts[q]:starts[q + 1]]``, each once, in order of mention.
    own: int64 (Q,), the row of the corpus with the query's very text, −1 where there is none.
    most_positives: rows of the data set that name the same query, at most, repetitions included.
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
    """Sort out the texts of pairs: rows that repeat a query give it several positives.

    Raises: InputError for no pairs, and for what is no text.
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
