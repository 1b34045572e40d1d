"""Retrieval protocols of a split: which rows are queries, which are the gallery, and whether groups count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...models.row_classes import occurrences
from ..data.base import DataSet, coded_rows
from ..data.rows import RunRows, build_rows
from ..errors import DataError
from ..plan.stage import Asked
from ..runfile.run_spec import RunSpec
from ..storage.digest import digest_json

AGAINST_TRAIN = "test_against_train"
BY_ROLE_AND_GROUP = ("_query_to_gallery", "_across_groups")
"""Suffixes, after the name of a split, of the protocols that use roles and groups."""
_FEW = 10
"""Fewer queries than this are too few for validation, unless most of its rows are queries."""
_HIGHER = (0.2, 0.3, 0.5)
"""Values of data.validation to try as a remedy if there are too few queries."""


MOST_PAIRS = 10**11
"""Pairs of a query and a gallery row above which queries are drawn. One core searches them in about a quarter of an
hour."""


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """One retrieval protocol of a split.

    name: under which its metrics are stored. queries, gallery: positions in the split, int64; gallery is None if the
    queries are matched against one another. grouped: whether matches of the query's own group are left out.
    """

    name: str
    queries: NDArray[np.int64]
    gallery: NDArray[np.int64] | None
    grouped: bool


def protocols_of(rows: RunRows, split: str) -> tuple[Protocol, ...]:
    """The protocols beyond leave-one-out that roles and groups define, as in re-identification (Market-1501).

    With queries and a gallery: queries against the gallery, without matches of the same group. With groups alone:
    leave-one-out, without matches of the same group. With neither: none.
    """
    roles, groups = rows.column("role", split), rows.column("group", split)
    queries, gallery = _of_role(roles, "query"), _of_role(roles, "gallery")
    grouped = groups.null_count < len(groups)
    if len(queries) and len(gallery):
        return (Protocol(split + BY_ROLE_AND_GROUP[0], queries, gallery, grouped),)
    if grouped:
        return (Protocol(split + BY_ROLE_AND_GROUP[1], np.arange(len(roles)), None, grouped),)
    return ()


def _of_role(roles: pa.Array, role: str) -> NDArray[np.int64]:
    return np.flatnonzero(pc.equal(roles, role).fill_null(False).to_numpy(zero_copy_only=False))  # pyright: ignore[reportAttributeAccessIssue]


def asked_in(rows: RunRows, spec: RunSpec, *, may_draw: bool = True) -> tuple[Asked, ...]:
    """All protocols that the run evaluates, with the number of queries that have a match, computed from the rows.

    may_draw: whether queries are drawn where there are more than `MOST_PAIRS`.
    """
    found = []
    tested = spec.evaluate.test != "never"
    centroids = spec.evaluate.retrieval == "centroids"
    for split in ("validation", "test") if tested else ("validation",):
        if count := len(rows.range(split)):
            plain = Protocol(split, np.arange(count), None, False)
            members = _Members.of(rows, split)
            found += [members.asked(each, centroids) for each in (plain, *protocols_of(rows, split))]
    if tested and len(rows.range("test")) and spec.data.split == "closed" and spec.evaluate.train_gallery:
        known = rows.class_sizes("train").keys()
        gallery = len(known) if centroids else rows.n_train
        row, is_known = _coded(
            rows, "test", lambda names: np.array([name in known for name in names], np.int32)
        )
        answered = len(np.unique(row[is_known > 0]))
        left_out = len(rows.range("test")) - answered
        found.append(Asked(AGAINST_TRAIN, answered, left_out, gallery, centroids))
    return tuple(replace(each, drawn=_drawn(each, spec, may_draw=may_draw)) for each in found)


def _drawn(asked: Asked, spec: RunSpec, *, may_draw: bool) -> int:
    """Number of queries that are drawn; 0: all are asked."""
    most = spec.evaluate.queries
    if most is None and may_draw:
        most = max(1, MOST_PAIRS // max(1, asked.gallery))
    return most if most is not None and most < asked.queries + asked.left_out else 0


def drawn_of(queries: int, drawn: int, name: str, seed: int) -> NDArray[np.int64]:
    """Positions of the queries that are asked, int64, ascending, the same in every epoch.

    queries: number of the protocol's queries. drawn: see `Asked`. name: of the protocol. seed: of the run.
    """
    if not drawn or drawn >= queries:
        return np.arange(queries)
    generator = np.random.default_rng(int(digest_json([seed, "queries", name])[:15], 16))
    return np.sort(generator.choice(queries, drawn, replace=False))


def _coded(
    rows: RunRows, split: str, codes_of: Callable[[list[str]], NDArray[np.int32]]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The rows of a split with the codes of their labels, int64 and int32: an entry for each label of each row."""
    codes, offsets = coded_rows(rows.column("label", split), codes_of)
    every = np.arange(len(rows.range(split)))
    return every if offsets is None else np.repeat(every, np.diff(offsets)), codes


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """The labels of a split's rows, an entry for each label of each row.

    row: int64 (M,). code: int32 (M,). group: int64 (N,) codes of each row's group; −1 for none.
    """

    row: NDArray[np.int64]
    code: NDArray[np.int32]
    group: NDArray[np.int64]

    @staticmethod
    def of(rows: RunRows, split: str) -> "_Members":
        row, code = _coded(rows, split, lambda names: np.arange(len(names), dtype=np.int32))
        encoded = rows.column("group", split).dictionary_encode()
        return _Members(row, code, encoded.indices.fill_null(-1).to_numpy().astype(np.int64))

    def asked(self, protocol: Protocol, centroids: bool) -> Asked:
        """A query has a match if one of its labels has a row besides itself and besides those of its own group."""
        alone = protocol.gallery is None
        gallery = self._of(protocol.queries if protocol.gallery is None else protocol.gallery)
        asking = self._of(protocol.queries)
        code, group = self.code, self.group[self.row]
        matches = occurrences(code[asking], code[gallery]) - int(alone)
        if protocol.grouped:
            width = int(self.group.max()) + 2
            of_group = code.astype(np.int64) * width + group + 1
            own = group[asking] >= 0
            same = occurrences(of_group[asking][own], of_group[gallery])
            matches[own] -= same - int(alone)
        answered = len(np.unique(self.row[asking][matches > 0]))
        rows = len(protocol.queries if protocol.gallery is None else protocol.gallery)
        return Asked(
            protocol.name,
            answered,
            len(protocol.queries) - answered,
            len(np.unique(code[gallery])) if centroids else rows - int(alone),
            centroids,
        )

    def _of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64: the entries of these rows, which are ascending."""
        chosen = np.zeros(len(self.group), np.bool_)
        chosen[rows] = True
        return np.flatnonzero(chosen[self.row])


def check_validation(asked: Sequence[Asked], data: DataSet, spec: RunSpec, *, begun: bool) -> None:
    """Check that validation has enough queries to compare epochs.

    begun: whether the run already has epochs; it may then continue with few queries, but not with none.
    Raises: DataError if no row has a match, or too few have.
    """
    found = next((each for each in asked if each.name == "validation"), None)
    if found is None or (found.queries if begun else _enough(found)):
        return
    rows = found.queries + found.left_out
    raise DataError(
        f"{found.queries or 'none'} of the {rows} rows of the validation split have a match (another of these rows "
        f"with the same label), too few to choose the best epoch by: {_remedy(data, spec)}"
    )


def _enough(asked: Asked) -> bool:
    return asked.queries >= _FEW or asked.queries > asked.left_out


def _remedy(data: DataSet, spec: RunSpec) -> str:
    """Settings that give enough queries, each tried on the rows."""
    tried = [({"validation": value}, f"raise data.validation to {value}") for value in _HIGHER]
    tried = [(changes, said) for changes, said in tried if changes["validation"] > spec.data.validation]
    found = []
    if spec.data.split != "zero-shot" and _has_enough(data, spec, {"split": "zero-shot"}):
        found.append('set data.split = "zero-shot"')
    found += [said for changes, said in tried if _has_enough(data, spec, changes)][:1]
    return ", or ".join(found) or "give two or more rows of each class to the validation split"


def _has_enough(data: DataSet, spec: RunSpec, changes: Mapping[str, object]) -> bool:
    try:
        rows = RunRows(build_rows(data, spec.data.model_copy(update=changes), seed=spec.run.seed))
    except DataError:
        return False
    return any(asked.name == "validation" and _enough(asked) for asked in asked_in(rows, spec))
