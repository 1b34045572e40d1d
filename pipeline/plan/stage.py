"""Stages: a pure plan, tasks that each write their output atomically, and a report. See `work` for the terms."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..runfile.run_spec import RunSpec
from ..storage.committed import Committed, committed
from ..storage.digest import digest_json
from ..storage.receipts import Receipt
from .refs import StageRef
from .stage_folder import StageFolder
from .work import Plan, Task, TaskOutput, TaskResources


@dataclass(frozen=True, slots=True)
class Asked:
    """The size of a retrieval protocol of a held-out split, computed from its rows.

    name: under which the evaluate stage stores the metrics. queries: number of queries with a match. left_out: number
    of queries without one. gallery: number of rows, or with `centroids` of class centroids, each query is compared
    with. drawn: so many of the queries, with a match or without, are asked; 0: all.
    """

    name: str
    queries: int
    left_out: int
    gallery: int
    centroids: bool = False
    drawn: int = 0

    @property
    def asked(self) -> int:
        """Number of queries that are asked, with a match or without."""
        return self.drawn or self.queries + self.left_out

    @property
    def title(self) -> str:
        """`test query to gallery`."""
        return protocol_title(self.name)

    @property
    def described(self) -> str:
        """`3,368 queries, each against 15,913 rows; 2 more have no match`."""
        if not self.queries:
            return f"no query has a match: of {self.left_out:,} rows none is asked, there will be no figures"
        more = f"; {self.left_out:,} more have no match and are left out" if self.left_out else ""
        drawn = f"; {self.drawn:,} of them all are drawn and asked" if self.drawn else ""
        return f"{self.queries:,} queries, each against {self.compared_with}{more}{drawn}"

    @property
    def compared_with(self) -> str:
        """`15,913 rows`."""
        return f"{self.gallery:,} {'class centroids' if self.centroids else 'rows'}"


def protocol_title(name: str) -> str:
    """The name of a protocol in words."""
    return name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The counts, shapes and digests of data and encoder from which stages are planned; never contents.

    train, validation, test: rows of each split.
    classes: classes of the training split, of which `singletons` have one row.
    encoder: the reference by which workers load it (a user's file is copied into the run directory).
    weights: the file of initial weights, relative to the run directory.
    several: rows with more than one label, in the training, validation and test split.
    protocols: retrieval protocols of validation and test. remarks: remarks about the labels, for people.
    cells: whether graph.method = "auto" may choose cells; False for runs begun before cells existed.
    drawn: whether queries are drawn where there are very many; False for runs begun before that.
    reviews: (first epoch, digest) of each review that mining follows. held_out: (split, digest) of the review of
    validation and test rows, if any.
    pairs: digest of the verification pairs of evaluate.pairs_file, if any.
    ranking: digest of the ranked pairs and values of items, for a loss that scores items. ranked_pairs: number of pairs
    with a better item in the training, validation and test split.
    """

    train: int
    validation: int
    test: int
    classes: int
    singletons: int
    item_shape: tuple[int, ...]
    item_bytes: int
    data_digest: str
    encoder: str
    weights: str | None
    encoder_digest: str
    several: tuple[int, int, int] = (0, 0, 0)
    protocols: tuple[Asked, ...] = ()
    remarks: tuple[str, ...] = ()
    cells: bool = False
    drawn: bool = False
    reviews: tuple[tuple[int, str | None], ...] = ()
    held_out: tuple[tuple[str, str], ...] = ()
    pairs: str | None = None
    ranking: str | None = None
    ranked_pairs: tuple[int, int, int] = (0, 0, 0)

    def review_of(self, epoch: int | None) -> str | None:
        """Digest of the review that mining follows in this epoch, or None."""
        begun = [digest for first, digest in self.reviews if first <= (epoch or 0)]
        return begun[-1] if begun else None

    @property
    def item_dtype(self) -> str:
        """ "uint8" or "float32", the only dtypes of data sets (see `DataSet.dtype`)."""
        return "uint8" if self.item_bytes == math.prod(self.item_shape) else "float32"

    def as_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            **asdict(self),
            "item_shape": list(self.item_shape),
            "several": list(self.several),
            "protocols": [asdict(asked) for asked in self.protocols],
            "remarks": list(self.remarks),
            "reviews": [list(each) for each in self.reviews],
            "held_out": [list(each) for each in self.held_out],
            "ranked_pairs": list(self.ranked_pairs),
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "RunFacts":
        """The inverse of `as_json`. Fields with defaults may be missing, as in runs of earlier versions."""
        tuples: dict[str, Any] = {
            name: tuple(value[name])
            for name in ("item_shape", "several", "remarks", "ranked_pairs")
            if name in value
        }
        tuples["protocols"] = tuple(Asked(**asked) for asked in value.get("protocols", ()))
        for name in ("reviews", "held_out"):
            tuples[name] = tuple((first, digest) for first, digest in value.get(name, ()))
        return RunFacts(**{**value, **tuples})

    def rows(self, split: str) -> tuple[int, int]:
        """First row and count of a split; the run's rows are ordered train, validation, test."""
        match split:
            case "train":
                return 0, self.train
            case "validation":
                return self.train, self.validation
            case "test":
                return self.train + self.validation, self.test
        raise ValueError(f"split is {split!r}: must be train, validation or test")


@dataclass(frozen=True)
class Job:
    """Everything a task needs besides its rows. Small and picklable: parents are referenced, not included."""

    root: Path
    spec: RunSpec
    facts: RunFacts
    ref: StageRef
    parent_digests: Mapping[StageRef, str]

    @property
    def stage_folder(self) -> StageFolder:
        """The stage's own folder, with its state."""
        return StageFolder(self.root, self.ref)

    @property
    def folder(self) -> Path:
        """Path of the stage's own folder."""
        return self.ref.folder(self.root)

    @property
    def scratch(self) -> Path:
        """Folder for intermediate files of the stage, deleted when it is committed."""
        return self.stage_folder.scratch

    def parent(self, stage: str) -> Committed:
        """The newest parent with this stage name."""
        ref = max((ref for ref in self.parent_digests if ref.stage == stage), key=lambda ref: ref.epoch or 0)
        return self.parent_at(ref)

    def parent_at(self, ref: StageRef) -> Committed:
        """A parent by its reference."""
        return committed(ref.folder(self.root), self.parent_digests[ref])

    def parents(self, stage: str) -> list[Committed]:
        """All parents with this stage name, oldest first."""
        return [self.parent_at(ref) for ref in sorted(self.parent_digests) if ref.stage == stage]

    def seed(self, task: Task | None = None) -> int:
        """A seed from (run seed, epoch, stage, task); never from the worker, the clock or the order."""
        return stage_seed(self.spec.run.seed, self.ref, task)


def stage_seed(run_seed: int, ref: StageRef, task: Task | None = None) -> int:
    """A seed below 2⁶⁰ from (run seed, epoch, stage, task)."""
    parts = [run_seed, ref.epoch, ref.stage, task.name if task else None]
    return int(digest_json(parts)[:15], 16)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, as plain functions.

    parents: the stages it reads, from spec and counts. keys: the values of spec and counts that determine its result.
    plan: its phases and tasks, from spec and counts alone. run_task: runs one task and writes its output atomically.
    report: the report on the whole stage for its manifest.
    """

    name: str
    parents: Callable[[RunSpec, RunFacts, StageRef], tuple[StageRef, ...]]
    keys: Callable[[RunSpec, RunFacts, StageRef], dict[str, Any]]
    plan: Callable[[RunSpec, RunFacts, StageRef], Plan]
    run_task: Callable[[Job, Task, TaskResources], TaskOutput]
    report: Callable[[Job, Sequence[Receipt]], dict[str, Any]]
