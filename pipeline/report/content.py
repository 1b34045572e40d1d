"""The content of a page before it becomes HTML: plain values, and rows by their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["mislabelled", "false negative", "duplicate"]


@dataclass(frozen=True, slots=True)
class Suspect:
    """Two rows for the user to decide on.

    row, other: ids of the rows. label, other_label: their labels. sq_distance: their squared distance.
    kind: "mislabelled": the neighbours of `row` agree on another class, and `other` is the nearest of that class;
    "false negative": the rows look the same under two labels; "duplicate": the same at almost no distance.
    score: as in `mining.suspects`, at most 1.
    """

    kind: Kind
    row: int
    other: int
    label: str
    other_label: str
    sq_distance: float
    score: float


@dataclass(frozen=True, slots=True)
class Suspects:
    """listed: the strongest undecided suspects. found: number of undecided suspects by kind. rows: number of rows
    examined, of `of` rows. decided: number of suspects left out because the user has decided on them."""

    listed: Sequence[Suspect]
    found: Mapping[Kind, int]
    rows: int
    of: int
    decided: int = 0


@dataclass(frozen=True, slots=True)
class UnlabelledPositive:
    """A document much nearer to a query than its relevant documents. sq_positive: squared distance of the nearest
    relevant one."""

    query: int
    document: int
    sq_distance: float
    sq_positive: float
    score: float


@dataclass(frozen=True, slots=True)
class UnlabelledPositives:
    """listed: the strongest, one for each query. found: number of unlabelled positives. queries: number of queries with
    any. rows: number of queries examined, of `of`."""

    listed: Sequence[UnlabelledPositive]
    found: int
    queries: int
    rows: int
    of: int


@dataclass(frozen=True, slots=True)
class HardTriplet:
    """The hardest triplet of a pair of classes, or of a query (then labels are None). hinge = d²(a,p) + m − d²(a,n).

    refused: the nearest row of another class, if the rule refuses it as too hard; None if it does not, or the
    neighbours cannot be read.
    """

    anchor: int
    positive: int
    negative: int
    label: str | None
    negative_label: str | None
    sq_positive: float
    sq_negative: float
    hinge: float
    refused: int | None = None
    refused_label: str | None = None
    sq_refused: float | None = None


@dataclass(frozen=True, slots=True)
class Hardest:
    """triplets: hardest first, one for each pair of classes, or query. looked_at: number of triplets read, of `of`.
    why_no_refused: a sentence if the neighbours cannot be read."""

    triplets: Sequence[HardTriplet]
    looked_at: int
    of: int
    why_no_refused: str | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """values: by epoch. low, high: bounds of the confidence interval by epoch, if the run has it."""

    name: str
    values: Mapping[int, float]
    low: Mapping[int, float] = field(default_factory=dict)
    high: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves on the same axes. stacked: drawn as stacked bars instead of lines."""

    title: str
    unit: str
    curves: Sequence[Curve]
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Curves:
    """Charts over the epochs. hardness: (epoch, why it mined with that k), a sentence each."""

    charts: Sequence[Chart]
    hardness: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Roc:
    """An ROC curve of pair verification: share of accepted pairs of one class (TAR) by that of two classes (FAR).

    points: (FAR, TAR), ascending, from FAR 0 to 1. same, different: number of pairs of one class and of two. accuracy,
    error: mean accuracy over ten folds, and its standard error. area: area under the curve. tars: TAR at each FAR of
    the run file; None if that FAR is less than one pair.
    """

    name: str
    points: Sequence[tuple[float, float]]
    same: int
    different: int
    accuracy: float
    error: float
    area: float
    tars: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Two classes with the number of admissible pairs (anchor of one class, negative of the other, in both directions)
    and their mean hinge. before: the number in the previous mined epoch; None if unknown."""

    label_a: str
    label_b: str
    count: int
    mean_hinge: float
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Confusions:
    """pairs: the most confused pairs of classes. found: number of confused pairs, each direction counted."""

    pairs: Sequence[ConfusedPair]
    found: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes from epoch `before` to epoch `now`. figures: (name, before, now). more, less: pairs of classes that
    became more and less confused."""

    before: int
    now: int
    figures: Sequence[tuple[str, float | None, float | None]]
    more: Sequence[ConfusedPair] = ()
    less: Sequence[ConfusedPair] = ()


@dataclass(frozen=True, slots=True, eq=False)
class SampleMap:
    """Some rows in two dimensions.

    points: float64 (S, 2). groups: int64 (S,), position in `labels`, −1 for any other class. centres: float64 (C, 2) of
    the classes `labels`. of: number of all rows. how: the projection, in words.
    """

    points: NDArray[np.float64]
    groups: NDArray[np.int64]
    labels: Sequence[str]
    centres: NDArray[np.float64]
    of: int
    how: str


@dataclass(frozen=True, slots=True)
class Content:
    """Everything on a page except the pictures and texts of its rows. Sections that cannot be made are None, and
    `missing` says why, as (what, why).

    sentences: the results, the most important first. tables: (title, (name, value) …) of the record. settings: run file
    or arguments, as text.
    """

    title: str
    subject: Literal["run", "folder"]
    epoch: str
    sentences: Sequence[str]
    suspects: Suspects | None
    hardest: Hardest | None
    curves: Curves | None
    confusions: Confusions | None
    changes: Changes | None
    sample_map: SampleMap | None
    tables: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    settings: str
    missing: Sequence[tuple[str, str]]
    class_names: Sequence[str] = ()
    unlabelled: UnlabelledPositives | None = None
    rocs: Sequence[Roc] = ()

    @property
    def rows(self) -> list[int]:
        """Ids of all rows shown, each once, in order of appearance."""
        found: list[Any] = []
        for suspect in self.suspects.listed if self.suspects else ():
            found += [suspect.row, suspect.other]
        for each in self.unlabelled.listed if self.unlabelled else ():
            found += [each.query, each.document]
        for hard in self.hardest.triplets if self.hardest else ():
            found += [hard.anchor, hard.positive, hard.negative, hard.refused]
        return [row for row in dict.fromkeys(found) if row is not None]
