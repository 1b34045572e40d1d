"""Retrieval protocols of a split: which rows are queries, which are the gallery, and whether groups count."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.base import DataSet
from ..data.rows import RunRows, build_rows
from ..errors import DataError
from ..plan.stage import Asked
from ..runfile.run_spec import RunSpec

AGAINST_TRAIN = "test_against_train"
BY_ROLE_AND_GROUP = ("_query_to_gallery", "_across_groups")
"""Suffixes, after the name of a split, of the protocols that use roles and groups."""
_FEW = 10
"""Fewer queries than this are too few for validation, unless most of its rows are queries."""
_HIGHER = (0.2, 0.3, 0.5)
"""Values of data.validation to try as a remedy if there are too few queries."""


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
    roles = np.array(rows.roles(split), object)
    queries, gallery = np.flatnonzero(roles == "query"), np.flatnonzero(roles == "gallery")
    grouped = any(group is not None for group in rows.groups(split))
    if len(queries) and len(gallery):
        return (Protocol(split + BY_ROLE_AND_GROUP[0], queries, gallery, grouped),)
    if grouped:
        return (Protocol(split + BY_ROLE_AND_GROUP[1], np.arange(len(roles)), None, grouped),)
    return ()


def asked_in(rows: RunRows, spec: RunSpec) -> tuple[Asked, ...]:
    """All protocols that the run evaluates, with the number of queries that have a match, computed from the rows."""
    found = []
    tested = spec.evaluate.test != "never"
    centroids = spec.evaluate.retrieval == "centroids"
    for split in ("validation", "test") if tested else ("validation",):
        labels, groups = _label_sets(rows, split), rows.groups(split)
        if not labels:
            continue
        plain = Protocol(split, np.arange(len(labels)), None, False)
        found += [
            _counted(protocol, labels, groups, centroids) for protocol in (plain, *protocols_of(rows, split))
        ]
    if tested and len(rows.range("test")) and spec.data.split == "closed" and spec.evaluate.train_gallery:
        known = rows.class_sizes("train").keys()
        labels = _label_sets(rows, "test")
        gallery = len(known) if centroids else rows.n_train
        answered = sum(not known.isdisjoint(each) for each in labels)
        found.append(Asked(AGAINST_TRAIN, answered, len(labels) - answered, gallery, centroids))
    return tuple(found)


def _label_sets(rows: RunRows, split: str) -> list[set[str]]:
    return [{label} if isinstance(label, str) else set(label) for label in rows.labels(split)]


def _counted(
    protocol: Protocol, labels: Sequence[set[str]], groups: Sequence[str | None], centroids: bool
) -> Asked:
    gallery = protocol.queries if protocol.gallery is None else protocol.gallery
    of_class = Counter(label for row in gallery for label in labels[row])
    of_group = Counter((label, groups[row]) for row in gallery for label in labels[row])

    def answers(row: int, label: str) -> int:
        if protocol.grouped and groups[row] is not None:
            return of_class[label] - of_group[label, groups[row]]
        return of_class[label] - (protocol.gallery is None)

    answered = sum(any(answers(row, label) > 0 for label in labels[row]) for row in protocol.queries)
    return Asked(
        protocol.name,
        answered,
        len(protocol.queries) - answered,
        len(of_class) if centroids else len(gallery) - (protocol.gallery is None),
        centroids,
    )


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
