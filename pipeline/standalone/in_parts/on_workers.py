"""Mine on Dask workers: open them, pass them their data, and collect their results."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....mining.checks import check_at_least
from ....mining.confusion import Confusion
from ....mining.pairs.relevance import Judged, Relevance
from ....mining.report import MiningReport
from ....mining.rescoring.bound import TeacherBound
from ....mining.rule import MiningRule
from ...artifacts.class_counts import keep_by_class, kept_by_class
from ...data.columns import is_table
from ...data.files import locate
from ...data.tables.form import TableForm
from ...errors import CorruptError, SpecError, UnavailableError
from ...plan.work import PROCESS_MIB, Task
from ...runfile.run_spec import ClusterSpec
from ...storage.tables import read_table, write_table
from ...storage.vector_file import VectorFile
from ...workers.base import Executor, FolderWords, require_memory, worker_limit_mib
from ...workers.open import open_executor, require_executor
from ...workers.opened import release_parts
from ..mining_settings import MiningSettings
from ..pairs_on_arrays import KeptApart
from ..teacher.scores import Scores, open_scores
from .chunks import PairChunks, RowChunks, write_chunk
from .handed import hand_over, handed, labels_of, lists_of, of_labels, of_lists
from .parted import PartedSearch

_FOLDER = FolderWords("folder", "--out", "nothing is kept, ", "starts anew")
_LEAST_MIB = 64
"""Minimum memory for a search if memory_mib is not given."""
_TRIPLET_BYTES = 64


def cluster_of(cluster: str | None, workers: int | None) -> ClusterSpec | None:
    """Where to mine: on the workers of a scheduler, on `workers` local ones, or (None) in this process.

    Raises: SpecError for both; InputError for no workers; ModuleNotFoundError if Dask is not installed.
    """
    if cluster is None and workers is None:
        return None
    if cluster is not None and workers is not None:
        raise SpecError(
            f"workers is {workers}, and the cluster {cluster} has workers of its own: leave one of them out"
        )
    if workers is not None:
        check_at_least("workers", workers, 1)
        spec = ClusterSpec(kind="local", workers=workers)
    else:
        spec = ClusterSpec(kind="dask", address=cluster)
    require_executor(spec)
    return spec


def chunk_mib(rows: int, chunk_rows: int, neighbours: int, triplets: int) -> int:
    """Memory in MiB for mining a chunk of anchors, without vectors, estimated as in the mine stage of a run."""
    anchors = min(rows, chunk_rows)
    return (anchors * (neighbours * 24 + 2 * triplets * _TRIPLET_BYTES) + rows * 16) // 2**20


@contextmanager
def open_workers(
    spec: ClusterSpec, folder: Path, note: Callable[[str], None], *, memory_mib: int | None, least_mib: int
) -> Iterator[tuple[Executor, int]]:
    """Yield workers that see `folder`, and the memory in MiB that each may use on top of its process.

    memory_mib: memory to use; None uses all that workers have. least_mib: memory that some task needs in any case.

    Raises: UnavailableError if there are no workers, or they have too little memory.
    """
    if spec.kind == "local" and memory_mib is not None:
        limit = worker_limit_mib(PROCESS_MIB + max(memory_mib, least_mib))
        spec = spec.model_copy(update={"worker_memory_mib": limit})
    try:
        with open_executor(spec, folder, note, _FOLDER) as executor:
            room = max(_LEAST_MIB, executor.memory_mib - PROCESS_MIB)
            used = room if memory_mib is None else memory_mib
            smaller = "lower memory_mib" if used > least_mib else "mine with a smaller chunk_rows"
            needed = PROCESS_MIB + max(used, least_mib)
            require_memory(executor, needed, "mine", smaller, "fewer workers")
            yield executor, used
    except UnavailableError as error:
        raise UnavailableError(str(error).replace("cluster.address", "cluster")) from error.__cause__


@dataclass(frozen=True, slots=True)
class ChunkJob:
    """The data of tasks that mine chunks, besides the files of `hand_rows` or `hand_pairs` in the scratch folder.

    folder: folder for the triplets. vectors: those of all rows, or documents. queries: vectors of all queries, if there
    are any. rescore: as given, with an absolute path. form: the layout of its table.
    """

    folder: Path
    search: PartedSearch
    vectors: VectorFile
    queries: VectorFile | None
    rule: MiningRule
    teacher: TeacherBound
    rescore: str | None
    form: TableForm

    @staticmethod
    def of(
        settings: MiningSettings,
        folder: Path,
        search: PartedSearch,
        vectors: VectorFile,
        queries: VectorFile | None,
    ) -> "ChunkJob":
        """The job for these settings."""
        return ChunkJob(
            folder=folder.absolute(),
            search=search,
            vectors=vectors,
            queries=queries,
            rule=settings.rule,
            teacher=settings.teacher,
            rescore=_located(settings.rescore),
            form=settings.form_of_lists,
        )

    @property
    def scratch(self) -> Path:
        """See `PartedSearch`."""
        return self.search.scratch


def hand_rows(scratch: Path, chunks: RowChunks, keys: pa.Array | None) -> None:
    """Write the data that `ChunkJob` does not hold: labels, and other arrays for the rule. keys: those of all rows, for
    a teacher."""
    arrays = {
        **of_labels(chunks.labels),
        **of_lists(chunks.never_negatives),
        "rows": chunks.rows,
        "excluded": chunks.excluded,
        "groups": chunks.groups,
    }
    hand_over(_arrays(scratch), arrays)
    if keys is not None:
        write_table(_keys(scratch), pa.table({"key": keys}))


def hand_pairs(scratch: Path, chunks: PairChunks, keys: tuple[pa.Array, pa.Array] | None) -> None:
    """The same for queries and a corpus."""
    relevant = chunks.relevance.relevant
    arrays = {
        **of_lists(chunks.kept_apart.never_negatives),
        "offsets": relevant.offsets,
        "documents": relevant.documents,
        "anchors": chunks.anchors,
        "query_groups": chunks.kept_apart.query_groups,
        "corpus_groups": chunks.kept_apart.corpus_groups,
    }
    hand_over(_arrays(scratch), arrays)
    if keys is not None:
        for path, column in zip((_keys(scratch), _corpus_keys(scratch)), keys, strict=True):
            write_table(path, pa.table({"key": column}))


def _located(reference: str | None) -> str | None:
    """A teacher's file with its absolute path, since workers run in other folders."""
    if reference is None:
        return None
    if is_table(locate(reference, Path())):
        return locate(reference, Path())
    where, colon, function = reference.rpartition(":")
    return f"{Path(where).expanduser().absolute()}{colon}{function}" if where.endswith(".py") else reference


def mine_on_workers(
    job: ChunkJob, executor: Executor, tasks: Sequence[Task]
) -> Iterator[tuple[Confusion, MiningReport]]:
    """Mine chunks whose neighbours have been searched; yields the counts of each chunk, in order.

    Raises: CorruptError if counts are damaged; what the tasks raise.
    """
    call = partial(_mine_chunk, job, executor.threads(len(tasks)))
    done = sorted(executor.run(call, tasks), key=lambda each: each[0].index)
    for task, report, digest in done:
        kept = kept_by_class(_counts(job, task), digest)
        if kept is None:
            raise CorruptError(f"{_counts(job, task)} is gone or was damaged: mine again")
        yield kept[0], replace(report, triplets_by_class=kept[1])


def _mine_chunk(job: ChunkJob, threads: int, task: Task) -> tuple[Task, MiningReport, str]:
    release_parts()  # frees the memory of the search
    allowed = job.search.threads
    threads = threads if allowed is None else min(threads, allowed)
    chunks = _opened(job)
    lines = job.search.lines(*chunks.searched(task.start, task.stop))
    table = chunks.in_place(lines, task.start, task.stop)
    if isinstance(chunks, RowChunks):
        read = chunks.rows_read(table, task.start, task.stop)
        chunks = replace(chunks, vectors=_only(job, job.vectors, read, task))
    else:
        read = chunks.documents_read(table, task.start, task.stop)
        anchors = np.arange(task.start, task.stop, dtype=np.int64)
        queries = _only(job, _of_anchors(job), anchors, task)
        chunks = replace(chunks, corpus=_only(job, job.vectors, read, task), queries=queries)
    mined = write_chunk(job.folder, chunks, task, table, threads)
    digest = keep_by_class(_counts(job, task), mined.confusion, mined.report.triplets_by_class)
    return task, mined.report, digest


def _of_anchors(job: ChunkJob) -> VectorFile:
    """The vectors of the anchors."""
    return job.vectors if job.queries is None else job.queries


def _only(job: ChunkJob, vectors: VectorFile, rows: NDArray[np.int64], task: Task) -> NDArray[np.float32]:
    """The vectors that a chunk reads. Raises: UnavailableError if they do not fit in a worker's memory."""
    needed = vectors.only_bytes(rows) >> 20
    if needed > job.search.memory_mib:
        raise UnavailableError(
            f"mining rows {task.start:,} to {task.stop:,} looks at the vectors of {len(rows):,} rows, {needed:,} MiB, "
            f"but memory_mib leaves a worker {job.search.memory_mib:,}: raise memory_mib, or mine with a smaller "
            "chunk_rows"
        )
    return vectors.only(rows)


@lru_cache(maxsize=1)
def _opened(job: ChunkJob) -> RowChunks | PairChunks:
    """The chunks without vectors."""
    arrays = handed(_arrays(job.scratch))
    nothing = np.empty((0, 0), np.float32)
    if job.queries is None:
        return RowChunks(
            rule=job.rule,
            labels=labels_of(arrays),
            rows=arrays.get("rows"),
            excluded=arrays.get("excluded"),
            never_negatives=lists_of(arrays),
            groups=arrays.get("groups"),
            vectors=nothing,
            scores=_scores(job),
            teacher=job.teacher,
        )
    judged = Judged(arrays["offsets"], arrays["documents"])
    none = Judged(np.zeros_like(judged.offsets), judged.documents[:0])
    groups = arrays.get("query_groups"), arrays.get("corpus_groups")
    return PairChunks(
        rule=job.rule,
        relevance=Relevance(job.vectors.rows, judged, none),
        anchors=arrays["anchors"],
        kept_apart=KeptApart(lists_of(arrays), *groups),
        queries=nothing,
        corpus=nothing,
        scores=_scores(job),
        teacher=job.teacher,
    )


def _scores(job: ChunkJob) -> Scores | None:
    if job.rescore is None:
        return None
    keys = read_table(_keys(job.scratch))["key"].combine_chunks()
    others = _corpus_keys(job.scratch)
    of_corpus = read_table(others)["key"].combine_chunks() if job.queries is not None else None
    return open_scores(job.rescore, keys, of_corpus, form=job.form)


def _arrays(scratch: Path) -> Path:
    return scratch / "arrays.npz"


def _keys(scratch: Path) -> Path:
    return scratch / "keys.parquet"


def _corpus_keys(scratch: Path) -> Path:
    return scratch / "corpus-keys.parquet"


def _counts(job: ChunkJob, task: Task) -> Path:
    return job.scratch / f"{task.name}.npy"
