"""A seeded random walk over confused classes that visits each class about as often as wanted."""

import numpy as np
from numpy.typing import NDArray

from .confusion_graph import ConfusionGraph


class ClassWalk:
    """Chooses the classes of one batch after another.

    A class is *behind* by the number of visits that it should have had by now minus those it has had. A step goes from
    the last class to one that it is confused with, with probability ∝ weight × appetite. The appetite of a class grows
    as it falls behind, and is zero if it is a full visit ahead. So the walk follows the confusion, and no hub of the
    graph takes the visits of other classes. If no class can be reached, the walk continues at the class furthest
    behind.

    usable: int64, codes of the classes that may be taken. visits: float64 (C,), wanted visits of each class per epoch.
    """

    def __init__(
        self,
        graph: ConfusionGraph,
        usable: NDArray[np.int64],
        visits: NDArray[np.float64],
        generator: np.random.Generator,
    ) -> None:
        self._graph = graph
        self._usable = usable
        self._visits = visits
        self._generator = generator
        self._taken_so_far = np.zeros(len(visits))
        self._appetite = np.zeros(len(visits))
        self._current: int | None = None

    def begin(self, part: float) -> None:
        """Begin a batch. part: share of the epoch, in (0, 1], that will be done after it."""
        self._appetite = np.zeros(len(self._visits))
        behind = self._visits * part - self._taken_so_far
        self._appetite[self._usable] = np.maximum(behind[self._usable] + 1.0, 0.0)
        self._current = None

    def walked(self) -> int:
        """The next class of the walk that is not in this batch yet."""
        if self._current is not None:
            codes, weights = self._graph.of(self._current)
            wanted = weights * np.maximum(self._appetite[codes], 0.0)
            if wanted.any():
                return self._take(int(codes[self._draw(wanted)]))
        return self._take(self._furthest_behind())

    def drawn(self) -> int:
        """A random class that is not in this batch yet, with probability ∝ its appetite. The walk does not move."""
        appetite = np.maximum(self._appetite[self._usable], 0.0)
        if not appetite.any():
            return self._take(self._furthest_behind(), move=False)
        return self._take(int(self._usable[self._draw(appetite)]), move=False)

    def _draw(self, weights: NDArray[np.float64]) -> int:
        ends = np.cumsum(weights)
        place = np.searchsorted(ends, self._generator.random() * ends[-1], side="right")
        # By rounding, the number drawn may be the very end, beyond the last class with a weight.
        return int(min(place, np.flatnonzero(weights)[-1]))

    def _furthest_behind(self) -> int:
        # Classes of this batch have the appetite −1, so that they come last. Ties are broken at random.
        dither = self._generator.random(len(self._usable)) * 1e-3
        return int(self._usable[np.argmax(self._appetite[self._usable] + dither)])

    def _take(self, code: int, *, move: bool = True) -> int:
        self._taken_so_far[code] += 1
        self._appetite[code] = -1.0
        if move:
            self._current = code
        return code
