"""The retrieval protocols of the evaluate stage: what they search for, and the tasks that search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...data.base import SPLITS, coded_rows
from ...data.rows import RunRows
from ...errors import CorruptError
from ...plan.refs import StageRef
from ...plan.stage import Asked, Job, RunFacts
from ...plan.work import Phase, Task, TaskOutput, split_rows
from ...resolve.protocols import AGAINST_TRAIN, BY_ROLE_AND_GROUP, drawn_of, protocols_of
from ...resolve.train_sample import TRAIN_SAMPLE, sample_size, train_sample
from ...runfile.run_spec import RunSpec
from ...storage.digest import digest_file
from ...storage.publish import published

if TYPE_CHECKING:
    from ....models.metrics.by_query import ByQuery
    from ....models.row_classes import RowClasses

Vectors = Mapping[str, NDArray[np.float32]]

PAIRS_AT_ONCE = 10**10
"""Pairs of a query and a gallery row that one process searches, in a minute or two. Of more, tasks are made."""
_LEAST_QUERIES = 1000
"""Of a task; fewer would read the gallery for little."""
_SEARCH = "search-"
"""Start of the name of a phase, before the name of a protocol."""


def protocols_in(spec: RunSpec, facts: RunFacts, ref: StageRef, splits: tuple[str, ...]) -> tuple[Asked, ...]:
    """The protocols that a stage evaluates, with their sizes; the sample of training rows, too.

    splits: those that the stage embeds. Empty for runs last opened by a version that did not count queries.
    """
    names = {split + suffix for split in splits if split != "train" for suffix in ("", *BY_ROLE_AND_GROUP)}
    names |= {AGAINST_TRAIN} if "train" in splits else set()
    found = tuple(asked for asked in facts.protocols if asked.name in names)
    sampled = 0 if ref.epoch is None else sample_size(spec, facts.train)
    return (*found, Asked(TRAIN_SAMPLE, sampled, 0, sampled - 1)) if sampled else found


def search_phases(protocols: tuple[Asked, ...], spec: RunSpec, memory_mib: int) -> list[Phase]:
    """A phase for each protocol, if there are more pairs than the metrics could search by themselves; else none.

    memory_mib: of a process that searches.
    """
    pairs = sum(asked.asked * asked.gallery for asked in protocols)
    if spec.evaluate.retrieval == "centroids" or pairs <= PAIRS_AT_ONCE:
        return []
    return [
        Phase(
            _SEARCH + asked.name,
            split_rows(
                _SEARCH + asked.name,
                asked.asked,
                max(_LEAST_QUERIES, PAIRS_AT_ONCE // max(1, asked.gallery)),
            ),
            memory_mib,
            reads_scratch=True,
        )
        for asked in protocols
    ]


def protocol_of(task: Task) -> str | None:
    """The name of the protocol that a task searches for; None if it does something else."""
    return task.phase.removeprefix(_SEARCH) if task.phase.startswith(_SEARCH) else None


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a protocol searches for: the arguments of `models.metrics.report.search`.

    queries: number of queries that there are. asked: int64, ascending, those that are asked.
    """

    name: str
    queries: int
    asked: NDArray[np.int64]
    embeddings: NDArray[np.float32]
    classes: "RowClasses"
    groups: NDArray[np.int32] | None = None
    gallery: NDArray[np.float32] | None = None
    gallery_classes: "RowClasses | None" = None
    gallery_groups: NDArray[np.int32] | None = None

    def compared_with(self, spec: RunSpec) -> int:
        """The number of rows, or of centroids, that a query is compared with; the query itself does not count."""
        if spec.evaluate.retrieval == "centroids":
            return len(np.unique((self.gallery_classes or self.classes).members))
        return len(self.embeddings) - 1 if self.gallery is None else len(self.gallery)


def question(job: Job, rows: RunRows, vectors: Vectors, name: str) -> Question:
    """What the protocol of this name searches for.

    rows: with the review applied. vectors: float32 (rows, D) as they are compared, of each split and of the sample.
    """
    drawn = {asked.name: asked.drawn for asked in job.facts.protocols}.get(name, 0)

    def asked(queries: int) -> tuple[int, NDArray[np.int64]]:
        return queries, drawn_of(queries, drawn, name, job.spec.run.seed)

    if name == TRAIN_SAMPLE:
        sample = vectors[TRAIN_SAMPLE]
        classes = classes_of(rows, "train").take(train_sample(rows, job.spec))
        return Question(name, *asked(len(sample)), sample, classes)
    if name == AGAINST_TRAIN:
        gallery = {"gallery": vectors["train"], "gallery_classes": classes_of(rows, "train")}
        return Question(
            name, *asked(len(vectors["test"])), vectors["test"], classes_of(rows, "test"), **gallery
        )
    split = next(split for split in SPLITS if name.startswith(split))
    classes = classes_of(rows, split)
    if name == split:
        return Question(name, *asked(len(vectors[split])), vectors[split], classes)
    protocol = next(each for each in protocols_of(rows, split) if each.name == name)
    groups = groups_of(rows, split) if protocol.grouped else None
    asking, gallery = protocol.queries, protocol.gallery
    if gallery is None:  # every row is a query
        return Question(name, *asked(len(asking)), vectors[split], classes, groups)
    return Question(
        name,
        *asked(len(asking)),
        vectors[split][asking],
        classes.take(asking),
        None if groups is None else groups[asking],
        vectors[split][gallery],
        classes.take(gallery),
        None if groups is None else groups[gallery],
    )


def search_part(job: Job, given: Question, task: Task) -> TaskOutput:
    """Search for the asked queries of a task, and keep what they found in the stage's scratch folder."""
    found = _searched(job, given, given.asked[task.start : task.stop])
    columns = {field.name: getattr(found, field.name) for field in fields(found)}
    path = _file(job, task)
    with published(path) as partial, partial.open("wb") as file:
        np.savez(file, **{name: each for name, each in columns.items() if each is not None})
    return TaskOutput(files=(), rows=task.rows, report={"sha256": digest_file(path)})


def answers(job: Job, given: Question, tasks: Sequence[Task]) -> "ByQuery":
    """What the asked queries found. tasks: those that searched; without any, the search is made now."""
    if not tasks:
        return _searched(job, given, given.asked)
    from ....models.metrics.by_query import in_order_of_rows

    receipts = job.stage_folder.receipts()
    return in_order_of_rows([_read(job, task, receipts[task.name].report["sha256"]) for task in tasks])


def _searched(job: Job, given: Question, asked: NDArray[np.int64]) -> "ByQuery":
    from ....models.metrics.report import search

    return search(
        given.embeddings,
        given.classes,
        gallery=given.gallery,
        gallery_classes=given.gallery_classes,
        groups=given.groups,
        gallery_groups=given.gallery_groups,
        asked=asked,
        matched=job.spec.evaluate.retrieval,
        normalise=job.spec.encoder.normalise,
        whole_ranking=given.name.endswith(BY_ROLE_AND_GROUP),
        knn=job.spec.evaluate.knn,
    )


def _read(job: Job, task: Task, digest: str) -> "ByQuery":
    from ....models.metrics.by_query import ByQuery

    path = _file(job, task)
    require_scratch(job, path, digest)
    with np.load(path, allow_pickle=False) as columns:
        found = dict(columns)
    return ByQuery(left_out=int(found.pop("left_out")), **found)


def _file(job: Job, task: Task) -> Path:
    return job.scratch / f"{task.name}.npz"


def require_scratch(job: Job, path: Path, digest: str) -> None:
    """Raises: CorruptError if an intermediate file of the stage is gone, or not what its task wrote."""
    if not path.exists() or digest_file(path) != digest:
        raise CorruptError(f"{path} is gone or damaged: redo the stage with {job.ref.redo}")


def classes_of(rows: RunRows, split: str) -> "RowClasses":
    """Classes of a split. A name has the same code in every split."""
    from ....models.row_classes import RowClasses

    known = sorted({name for each in SPLITS for name in rows.class_sizes(each)})
    code_of = {name: code for code, name in enumerate(known)}
    return RowClasses(
        *coded_rows(
            rows.column("label", split), lambda names: np.array([code_of[name] for name in names], np.int32)
        )
    )


def groups_of(rows: RunRows, split: str) -> NDArray[np.int32]:
    """int32 codes of the groups of a split's rows; −1 for none."""
    encoded = rows.column("group", split).dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy().astype(np.int32)
