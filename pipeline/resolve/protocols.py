"""How the rows of a split are asked: which are queries, which are the gallery, and whether groups count."""

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
"""After the name of a split: the protocols that follow from roles and groups."""
_HIGHER = (0.2, 0.3, 0.5)
"""Values of data.validation that are tried where the one given leaves no query."""


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """One way to ask a split.

    name: under which its figures are stored. queries, gallery: positions in the split, int64; gallery None where the
    queries ask one another. grouped: matches of the query's own group are left out.
    """

    name: str
    queries: NDArray[np.int64]
    gallery: NDArray[np.int64] | None
    grouped: bool


def protocols_of(rows: RunRows, split: str) -> tuple[Protocol, ...]:
    """What role and group ask for beyond leave-one-out, as in re-identification (Market-1501's protocol).

    A split with queries and a gallery: the ones ask the other, matches of the same group left out. A split with groups
    alone: leave-one-out, matches of the same group left out. A split with neither: nothing.
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
    """All protocols that the run evaluates, with how many queries have an answer: known from the rows alone."""
    found = []
    tested = spec.evaluate.test != "never"
    for split in ("validation", "test") if tested else ("validation",):
        labels, groups = _label_sets(rows, split), rows.groups(split)
        if not labels:
            continue
        plain = Protocol(split, np.arange(len(labels)), None, False)
        found += [_counted(protocol, labels, groups) for protocol in (plain, *protocols_of(rows, split))]
    if tested and len(rows.range("test")) and spec.data.split == "closed" and spec.evaluate.train_gallery:
        known = rows.class_sizes("train").keys()
        labels = _label_sets(rows, "test")
        answered = sum(not known.isdisjoint(each) for each in labels)
        found.append(Asked(AGAINST_TRAIN, answered, len(labels) - answered, rows.n_train))
    return tuple(found)


def _label_sets(rows: RunRows, split: str) -> list[set[str]]:
    return [{label} if isinstance(label, str) else set(label) for label in rows.labels(split)]


def _counted(protocol: Protocol, labels: Sequence[set[str]], groups: Sequence[str | None]) -> Asked:
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
        len(gallery) - (protocol.gallery is None),
    )


def check_validation(asked: Sequence[Asked], data: DataSet, spec: RunSpec) -> None:
    """Raises: DataError where no row of the validation split has a match in it, so that no epoch could be chosen."""
    found = next((each for each in asked if each.name == "validation"), None)
    if found is None or found.queries:
        return
    rows = found.left_out
    remedies = list(_remedies(data, spec))
    remedy = ", or ".join(remedies) or "give two or more rows of a class to the validation split"
    raise DataError(
        f"none of the {rows} rows of the validation split shares a label with another of them, so no query has a "
        f"match and no epoch could be called the best: {remedy}"
    )


def _remedies(data: DataSet, spec: RunSpec) -> list[str]:
    """Settings under which there are queries, each tried on the rows."""
    tried = [({"validation": value}, f"raise data.validation to {value}") for value in _HIGHER]
    tried = [(changes, said) for changes, said in tried if changes["validation"] > spec.data.validation]
    remedies = []
    if spec.data.split != "zero-shot" and _has_queries(data, spec, {"split": "zero-shot"}):
        remedies.append('set data.split = "zero-shot"')
    return remedies + [said for changes, said in tried if _has_queries(data, spec, changes)][:1]


def _has_queries(data: DataSet, spec: RunSpec, changes: Mapping[str, object]) -> bool:
    try:
        rows = RunRows(build_rows(data, spec.data.model_copy(update=changes), seed=spec.run.seed))
    except DataError:
        return False
    return any(asked.name == "validation" and asked.queries for asked in asked_in(rows, spec))
