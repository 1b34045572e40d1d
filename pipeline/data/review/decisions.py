"""The decisions of a review, by the keys of rows."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["keep", "relabel", "exclude", "never_negative"]

KINDS: tuple[Kind, ...] = ("keep", "relabel", "exclude", "never_negative")

Pair: TypeAlias = tuple[str, str]
"""Two keys in ascending order."""


def pair_of(key: str, other: str) -> Pair:
    """The pair of two keys, in either order."""
    return (key, other) if key <= other else (other, key)


@dataclass(frozen=True, slots=True)
class Review:
    """Decisions on rows and pairs, at most one on each.

    relabelled: key → new label. excluded: keys of rows that are left out. kept: keys of rows whose label is right.
    never_negatives: pairs that mean the same. kept_pairs: pairs that do not, however similar they look.
    """

    relabelled: Mapping[str, str] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    never_negatives: frozenset[Pair] = frozenset()
    kept_pairs: frozenset[Pair] = frozenset()

    def __len__(self) -> int:
        return len(self.rows) + len(self.pairs)

    @property
    def rows(self) -> frozenset[str]:
        """Keys of the rows with a decision."""
        return frozenset(self.relabelled) | self.excluded | self.kept

    @property
    def pairs(self) -> frozenset[Pair]:
        """The pairs with a decision."""
        return self.never_negatives | self.kept_pairs

    @property
    def decided(self) -> frozenset[Pair]:
        """Rows and pairs with a decision, rows as (key, "")."""
        return self.pairs | {(key, "") for key in self.rows}

    @property
    def keys(self) -> frozenset[str]:
        """All keys in the review, of rows and of pairs."""
        return self.rows | {key for pair in self.pairs for key in pair}

    def lines(self) -> list[tuple[Kind, str, str, str]]:
        """All decisions as (decision, key, other key, label), sorted."""
        return sorted(
            [
                *(("relabel", key, "", label) for key, label in self.relabelled.items()),
                *(("exclude", key, "", "") for key in self.excluded),
                *(("keep", key, "", "") for key in self.kept),
                *(("never_negative", *pair, "") for pair in self.never_negatives),
                *(("keep", *pair, "") for pair in self.kept_pairs),
            ]
        )

    def digest(self) -> str | None:
        """SHA-256 of the decisions, independent of their file and order; None if there are none."""
        if not len(self):
            return None
        content = hashlib.sha256()
        for line in self.lines():
            content.update("".join(f"{len(cell)}:{cell}" for cell in line).encode())
        return content.hexdigest()

    def of_rows(self, keys: Iterable[str]) -> "Review":
        """The decisions on these rows, and on pairs of them."""
        known = frozenset(keys)
        return Review(
            relabelled={key: label for key, label in self.relabelled.items() if key in known},
            excluded=self.excluded & known,
            kept=self.kept & known,
            never_negatives=frozenset(pair for pair in self.never_negatives if known.issuperset(pair)),
            kept_pairs=frozenset(pair for pair in self.kept_pairs if known.issuperset(pair)),
        )

    def changing(self, *, kept: bool) -> "Review":
        """The review without decisions that change nothing. kept: keep those on `kept` rows, which are no suspects."""
        rows = self.kept if kept else frozenset[str]()
        return replace(self, kept=rows, kept_pairs=frozenset[Pair]())
