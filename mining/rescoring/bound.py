"""Positive-aware bounds on a teacher's scores of negatives."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Le

from ..checks import check_limits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TeacherBound:
    """Bounds on a teacher's score of a negative; one that scores close to its positive is taken for a false negative.

    NV-Retriever, Moreira et al., arXiv 2407.15831, section 3: TopK-PercPos and TopK-MarginPos; 95 % and 0.05 did best
    there. s is the teacher's score, higher for more similar rows. A triplet is kept if both bounds hold.

    Attributes:
        relative_margin: s(a,n) ≤ s(a,p) − |s(a,p)|·relative_margin.
        absolute_margin: s(a,n) ≤ s(a,p) − absolute_margin; None for no such bound.
    """

    relative_margin: Annotated[float, Ge(0), Le(1)] = 0.05
    absolute_margin: Annotated[float, Ge(0)] | None = None

    def __post_init__(self) -> None:
        check_limits(self)

    def admits(self, positive: "NDArray[np.float64]", negative: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        """bool (T,): whether to keep each triplet. positive, negative: the teacher's scores, float64 (T,)."""
        stays = negative <= positive - abs(positive) * self.relative_margin
        if self.absolute_margin is not None:
            stays &= negative <= positive - self.absolute_margin
        return stays
