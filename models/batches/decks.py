"""Decks of items, dealt out without repetition before they are shuffled again."""

import numpy as np
from numpy.typing import NDArray

from ..row_classes import ranges


class Decks:
    """Many decks of items in one array; each is dealt out completely before any of its items is dealt again.

    So the numbers of visits of a class's rows differ by at most one. And, unlike with a fixed order, not always the
    same rows are together when a small class is dealt several times in an epoch.

    items: int64 (n,); those of deck d are items[starts[d]:starts[d + 1]]. The array is not copied, and reordered in
    place.
    """

    def __init__(
        self, items: NDArray[np.int64], starts: NDArray[np.int64], generator: np.random.Generator
    ) -> None:
        self._items = items
        self._starts = starts
        self._generator = generator
        self._dealt = np.diff(starts)  # as if all were dealt, so that the first deal shuffles

    def deal(self, deck: int, count: int, taken: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """`count` different items of a deck (all of them if it has fewer), as a copy.

        taken: bool, by item: items not to deal; dealt ones are marked in it. So an item in several decks is dealt once.
        """
        if taken is None:
            return self._deal(deck, count)
        items = self._items[self._starts[deck] : self._starts[deck + 1]]
        count = min(count, int((~taken[items]).sum()))
        found: list[int] = []
        while len(found) < count:
            for item in self._deal(deck, count - len(found)).tolist():
                if not taken[item]:
                    taken[item] = True
                    found.append(item)
        return np.array(found, np.int64)

    def _deal(self, deck: int, count: int) -> NDArray[np.int64]:
        items = self._items[self._starts[deck] : self._starts[deck + 1]]
        count = min(count, len(items))
        dealt = int(self._dealt[deck])
        if dealt + count <= len(items):
            self._dealt[deck] = dealt + count
            return items[dealt : dealt + count].copy()
        # The rest of this round, then the first items of the next, taken from the others.
        rest, others = items[dealt:].copy(), items[:dealt].copy()
        self._generator.shuffle(others)
        first = others[: count - len(rest)]
        later = np.concatenate([others[count - len(rest) :], rest])
        self._generator.shuffle(later)
        items[:] = np.concatenate([first, later])
        self._dealt[deck] = len(first)
        return np.concatenate([rest, first])

    def items(self, decks: NDArray[np.int64]) -> NDArray[np.int64]:
        """All items of these decks, concatenated, as a copy."""
        places, _ = ranges(self._starts, decks)
        return self._items[places]

    @classmethod
    def single(cls, items: NDArray[np.int64], generator: np.random.Generator) -> "Decks":
        """A single deck, number 0."""
        return cls(items.copy(), np.array([0, len(items)], np.int64), generator)
