"""A seeded walk over confused classes that visits each class as often as it should."""

import numpy as np
from numpy.typing import NDArray

from .confusion_graph import ConfusionGraph


class ClassWalk:
    """Chooses the classes of one batch after another.

    A class is *behind* by the visits that it should have had by now minus those it had. A step goes from the
    class just taken to one that it is confused with, with probability ∝ weight × appetite, where the appetite
    grows with being behind and is zero for a class that is a full visit ahead. So the walk follows the
    confusion, and no hub of the graph takes the visits of others. Where it is stuck it starts again at the
    class that is furthest behind.

    usable: int64, class codes that may be taken. visits: float64 (C,), how often each should be taken in the epoch.
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
        """Begin a batch; `part` in (0, 1] is how much of the epoch will be over after it."""
        self._appetite = np.zeros(len(self._visits))
        behind = self._visits * part - self._taken_so_far
        self._appetite[self._usable] = np.maximum(behind[self._usable] + 1.0, 0.0)
        self._current = None

    def walked(self) -> int:
        """The next class of the walk, not yet in this batch."""
        if self._current is not None:
            codes, weights = self._graph.of(self._current)
            wanted = weights * np.maximum(self._appetite[codes], 0.0)
            if wanted.any():
                return self._take(int(codes[self._draw(wanted)]))
        return self._take(self._furthest_behind())

    def drawn(self) -> int:
        """A random class, not yet in this batch, with probability ∝ its appetite; the walk stays behind."""
        appetite = np.maximum(self._appetite[self._usable], 0.0)
        if not appetite.any():
            return self._take(self._furthest_behind(), move=False)
        return self._take(int(self._usable[self._draw(appetite)]), move=False)

    def _draw(self, weights: NDArray[np.float64]) -> int:
        ends = np.cumsum(weights)
        place = np.searchsorted(ends, self._generator.random() * ends[-1], side="right")
        # Rounding can put the drawn number on the very end, behind the last class that has a weight.
        return int(min(place, np.flatnonzero(weights)[-1]))

    def _furthest_behind(self) -> int:
        # Classes of this batch have the appetite −1, so that they come last; ties are broken by chance.
        dither = self._generator.random(len(self._usable)) * 1e-3
        return int(self._usable[np.argmax(self._appetite[self._usable] + dither)])

    def _take(self, code: int, *, move: bool = True) -> int:
        self._taken_so_far[code] += 1
        self._appetite[code] = -1.0
        if move:
            self._current = code
        return code
