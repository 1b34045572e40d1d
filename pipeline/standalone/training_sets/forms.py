"""The forms of mined triplets for trainers, as columns of keys or texts.

The first four are for sentence-transformers, which goes by the order of columns; its losses learn a column of labels or
scores. FlagEmbedding and Tevatron take everything mined for a query in one row, in columns with fixed names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....mining.errors import InputError
from .names import Names

FORMS = ("triplet", "n-tuple", "labeled-pair", "labeled-list", "flagembedding", "tevatron")

COLUMNS = ("anchor", "positive", "negative", "sq_positive", "sq_negative")
"""The columns of mined triplets that forms use."""


@dataclass(frozen=True, slots=True)
class Form:
    """name: one of `FORMS`. negatives: n of "n-tuple", by default the most that mining takes for a pair. scores: add
    the cosines of positives and negatives to their anchor; in the two labelled forms they replace labels.

    Raises: InputError for an unknown name, and an invalid number of negatives.
    """

    name: str = "triplet"
    negatives: int | None = None
    scores: bool = False

    def __post_init__(self) -> None:
        if self.name not in FORMS:
            raise InputError(
                f"form is {self.name!r} but must be one of {', '.join(FORMS)}: choose one of them"
            )
        if self.negatives is None:
            return
        if self.name != "n-tuple":
            raise InputError(
                f"negatives is {self.negatives} but form is {self.name!r}, which has all that were mined: leave "
                "negatives out, or choose n-tuple"
            )
        if self.negatives < 1:
            raise InputError(f"negatives is {self.negatives} but must be at least 1: raise it")


def in_form(
    columns: Mapping[str, NDArray[Any]], form: Form, anchors: Names, others: Names, *, negatives: int
) -> tuple[pa.Table, int]:
    """The rows of a training set, and the number of pairs left out because they have too few negatives.

    columns: `COLUMNS`, ordered by anchor, with all triplets of each anchor. anchors, others: names of the rows of
    anchors, and of positives and negatives. negatives: n, if the form does not set it.
    """
    mined = _Mined(columns, anchors, others, form.scores)
    match form.name:
        case "triplet":
            found = _triplets(mined)
        case "n-tuple":
            return _tuples(mined, form.negatives or negatives)
        case "labeled-pair":
            found = _labelled_pairs(mined)
        case "labeled-list":
            found = _labelled_lists(mined)
        case "flagembedding":
            found = _flag_embedding(mined)
        case _:
            found = _tevatron(mined)
    return pa.table(found), 0


@dataclass(frozen=True, slots=True)
class _Mined:
    columns: Mapping[str, NDArray[Any]]
    anchors: Names
    others: Names
    scores: bool

    def others_of(self, role: str) -> "_Lists":
        """The distinct positives, or negatives, of each anchor, in the order of its triplets."""
        anchor = self.columns["anchor"]
        first = np.sort(np.unique(self._pairs(role), return_index=True)[1])
        return _Lists.of(np.unique(anchor[first], return_index=True)[1], self, role, first)

    def negatives_of_pairs(self) -> tuple[NDArray[np.intp], "_Lists"]:
        """One triplet of each pair of anchor and positive, in the order of triplets, and the negatives of the pair."""
        _, first, pair = np.unique(self._pairs("positive"), return_index=True, return_inverse=True)
        order = np.argsort(first[pair], kind="stable")
        starts = np.unique(first[pair][order], return_index=True)[1]
        return order[starts], _Lists.of(starts, self, "negative", order)

    def _pairs(self, role: str) -> NDArray[np.int64]:
        return self.columns["anchor"] * len(self.others) + self.columns[role]

    def text(self, role: str, triplets: NDArray[np.intp] | slice = slice(None)) -> pa.Array:
        names = self.anchors if role == "anchor" else self.others
        return names.text(self.columns[role][triplets])

    def cosine(self, role: str, triplets: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.float64]:
        """Cosines to the anchor, rounded to seven decimals, the precision of float32."""
        return np.round(1 - self.columns[f"sq_{role}"][triplets].astype(np.float64) / 2, 7)


@dataclass(frozen=True, slots=True)
class _Lists:
    """Lists of rows: list i is rows[offsets[i]:offsets[i + 1]]."""

    offsets: NDArray[np.int64]
    rows: NDArray[np.int64]
    cosines: NDArray[np.float64]

    @classmethod
    def of(cls, starts: NDArray[np.intp], mined: _Mined, role: str, triplets: NDArray[np.intp]) -> "_Lists":
        return cls(
            np.append(starts, len(triplets)), mined.columns[role][triplets], mined.cosine(role, triplets)
        )

    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    def array(self, values: pa.Array | NDArray[Any]) -> pa.Array:
        """A list of values for each list of rows."""
        return pa.ListArray.from_arrays(
            pa.array(self.offsets, pa.int32()), values if isinstance(values, pa.Array) else pa.array(values)
        )

    def after(self, rows: NDArray[np.int64], cosines: NDArray[np.float64]) -> "_Lists":
        """The same lists, each with one more row at its front."""
        starts = self.offsets[:-1]
        return _Lists(
            self.offsets + np.arange(len(self.offsets)),
            np.insert(self.rows, starts, rows),
            np.insert(self.cosines, starts, cosines),
        )


def _triplets(mined: _Mined) -> dict[str, Any]:
    columns: dict[str, Any] = {role: mined.text(role) for role in ("anchor", "positive", "negative")}
    if mined.scores:
        cosines = np.stack([mined.cosine("positive"), mined.cosine("negative")], axis=1)
        columns["scores"] = _rows_as_lists(cosines)
    return columns


def _tuples(mined: _Mined, wanted: int) -> tuple[pa.Table, int]:
    pairs, negatives = mined.negatives_of_pairs()
    enough = negatives.lengths() >= wanted
    pairs = pairs[enough]
    places = negatives.offsets[:-1][enough][:, None] + np.arange(wanted)
    columns: dict[str, Any] = {role: mined.text(role, pairs) for role in ("anchor", "positive")}
    for place in range(wanted):
        columns[f"negative_{place + 1}"] = mined.others.text(negatives.rows[places[:, place]])
    if mined.scores:
        positive = mined.cosine("positive", pairs)[:, None]
        columns["scores"] = _rows_as_lists(np.concatenate([positive, negatives.cosines[places]], axis=1))
    return pa.table(columns), int((~enough).sum())


def _labelled_pairs(mined: _Mined) -> dict[str, Any]:
    sides = mined.others_of("positive"), mined.others_of("negative")
    anchors = np.unique(mined.columns["anchor"])
    of = np.concatenate([np.repeat(anchors, side.lengths()) for side in sides])
    # The sort is stable, so each anchor's positives come before its negatives.
    order = np.argsort(of, kind="stable")
    rows, cosines = (
        np.concatenate([getattr(side, name) for side in sides])[order] for name in ("rows", "cosines")
    )
    columns: dict[str, Any] = {
        "anchor": mined.anchors.text(of[order]),
        "passage": mined.others.text(rows),
    }
    if mined.scores:
        return columns | {"score": cosines}
    return columns | {"label": (order < len(sides[0].rows)).astype(np.int64)}


def _labelled_lists(mined: _Mined) -> dict[str, Any]:
    pairs, negatives = mined.negatives_of_pairs()
    lists = negatives.after(mined.columns["positive"][pairs], mined.cosine("positive", pairs))
    columns = {
        "anchor": mined.text("anchor", pairs),
        "passages": lists.array(mined.others.text(lists.rows)),
    }
    if mined.scores:
        return columns | {"scores": lists.array(lists.cosines)}
    labels = np.zeros(len(lists.rows), np.int64)
    labels[lists.offsets[:-1]] = 1
    return columns | {"labels": lists.array(labels)}


def _flag_embedding(mined: _Mined) -> dict[str, Any]:
    columns: dict[str, Any] = {"query": mined.anchors.text(np.unique(mined.columns["anchor"]))}
    sides = {"pos": mined.others_of("positive"), "neg": mined.others_of("negative")}
    for name, side in sides.items():
        columns[name] = side.array(mined.others.text(side.rows))
    if mined.scores:
        for name, side in sides.items():
            columns[f"{name}_scores"] = side.array(side.cosines)
    return columns


def _tevatron(mined: _Mined) -> dict[str, Any]:
    """Passages have no title: Tevatron joins it to the text if there is one."""
    anchors = np.unique(mined.columns["anchor"])
    columns: dict[str, Any] = {
        "query_id": mined.anchors.key(anchors),
        "query": mined.anchors.text(anchors),
    }
    for role in ("positive", "negative"):
        side = mined.others_of(role)
        fields = {"docid": mined.others.key(side.rows), "text": mined.others.text(side.rows)}
        if mined.scores:
            fields["score"] = pa.array(side.cosines)
        passages = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
        columns[f"{role}_passages"] = side.array(passages)
    return columns


def _rows_as_lists(values: NDArray[np.float64]) -> pa.Array:
    offsets = np.arange(len(values) + 1) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values.ravel()))
