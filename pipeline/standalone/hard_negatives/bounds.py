"""The arguments that decide which candidates may become negatives of a query, checked, and the ranks they imply."""

import math
from dataclasses import dataclass, fields
from difflib import get_close_matches

from ....mining.errors import InputError

STRATEGIES = ("top", "random")
_MOST_ON_A_GPU = 2048
"""Most documents that FAISS finds for a query on a GPU; sentence-transformers lowers ``range_max`` for it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Arguments of ``mine_hard_negatives`` that choose among candidates. Scores are the model's; higher is nearer.

    num_negatives: negatives wanted per query. range_min, range_max: range of ranks among the candidates that no other
    bound refuses. max_score, min_score: inclusive limits. absolute_margin, relative_margin: how far a score must be
    below the lowest score of the query's positives, absolutely or as a share of its magnitude. include_positives:
    positives are candidates, too.
    """

    num_negatives: int = 3
    range_min: int = 0
    range_max: int | None = None
    max_score: float | None = None
    min_score: float | None = None
    absolute_margin: float | None = None
    relative_margin: float | None = None
    sampling_strategy: str = "top"
    include_positives: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and math.isnan(value):
                raise InputError(f"{field.name} is NaN: give a number, or None for no bound")
        if self.num_negatives < 1:
            raise InputError(
                f"num_negatives must be at least 1, got num_negatives={self.num_negatives}: 3 is usual"
            )
        if self.range_min < 0:
            raise InputError(f"range_min must be non-negative, got {self.range_min}: 0 skips nothing")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}, it must be at least 0")
        if self.sampling_strategy not in STRATEGIES:
            raise InputError(
                f"sampling_strategy is {self.sampling_strategy!r}: choose {' or '.join(map(repr, STRATEGIES))}"
            )
        if self.min_score is not None and self.max_score is not None and self.min_score > self.max_score:
            raise InputError(
                f"min_score is {self.min_score} and max_score {self.max_score}: no score lies between, lower min_score"
            )

    @property
    def rescored(self) -> bool:
        """Whether a bound on scores is set; without one, the scores of a cross-encoder are not used."""
        bounds = (self.max_score, self.min_score, self.absolute_margin, self.relative_margin)
        return any(bound is not None for bound in bounds)

    def last_rank(self, most_positives: int, *, cross_encoder: bool, gpu_faiss: bool) -> int:
        """``range_max``, or the default of sentence-transformers, checked against the other arguments.

        most_positives: the most rows of the data set with the same query. gpu_faiss: whether sentence-transformers
        would search with FAISS on a GPU. Raises: InputError if fewer ranks are left than negatives are wanted.
        """
        capped = ""
        range_max = self.range_max
        if range_max is None:
            refusing = (self.absolute_margin, self.relative_margin, self.max_score)
            spare = any(bound is not None for bound in refusing)
            spare = spare or (cross_encoder and self.min_score is not None)
            range_max = self.range_min + self.num_negatives * (10 if spare else 1) + most_positives
            if gpu_faiss and range_max + most_positives > _MOST_ON_A_GPU:
                range_max = _MOST_ON_A_GPU - most_positives
                capped = (
                    f"; range_max was capped to {range_max} because FAISS on GPU (use_faiss) finds no more: "
                    "leave use_faiss out"
                )
        if self.range_min >= range_max:
            raise InputError(
                f"range_min must be smaller than range_max, and they are {self.range_min} and {range_max}: lower "
                f"range_min, or raise range_max{capped}"
            )
        left = range_max - self.range_min
        if self.num_negatives > left:
            raise InputError(
                f"Cannot mine {self.num_negatives} negatives per query: only {left} candidates remain from range_min "
                f"{self.range_min} to range_max {range_max}: raise range_max, or lower num_negatives{capped}"
            )
        return range_max


def column_of(name: str | None, columns: list[str], argument: str, position: int) -> str:
    """The column with this name, or without a name the column at this position.

    Raises: InputError for an unknown column, and for too few columns.
    """
    if name:
        if name in columns:
            return name
        near = get_close_matches(name, columns, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(map(repr, columns))}"
        raise InputError(f"{argument} is {name!r}, which the dataset does not have: {hint}")
    if len(columns) <= position:
        raise InputError(
            f"the dataset has the columns {columns}, but pairs need two, of queries and of texts that answer them: add "
            "the other"
        )
    return columns[position]
