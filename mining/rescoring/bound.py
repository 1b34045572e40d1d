"""What a teacher's scores refuse: the positive-aware bound."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Le

from ..checks import check_limits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TeacherBound:
    """What a teacher's scores refuse: a negative whose score comes near that of its positive is taken for a false
    negative.

    NV-Retriever, Moreira et al., arXiv 2407.15831, section 3: TopK-PercPos and TopK-MarginPos; 95 % and 0.05 did best
    there. With s the teacher's scores, higher for what belongs together, a triplet stays where both bounds hold.

    Attributes:
        relative_margin: s(a,n) ≤ s(a,p) − |s(a,p)|·relative_margin.
        absolute_margin: s(a,n) ≤ s(a,p) − absolute_margin; None for no such bound.
    """

    relative_margin: Annotated[float, Ge(0), Le(1)] = 0.05
    absolute_margin: Annotated[float, Ge(0)] | None = None

    def __post_init__(self) -> None:
        check_limits(self)

    def admits(self, positive: "NDArray[np.float64]", negative: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        """bool (T,): which triplets stay, by the scores (T,) of their positives and negatives."""
        stays = negative <= positive - abs(positive) * self.relative_margin
        if self.absolute_margin is not None:
            stays &= negative <= positive - self.absolute_margin
        return stays
