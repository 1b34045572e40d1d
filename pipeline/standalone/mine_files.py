"""Mining alone: somebody's own vectors and labels in, triplets out. No run directory, no torch, no Prefect."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...mining.audit import audit_parts
from ...mining.confusion import merge_confusions
from ...mining.defaults import AUDIT_SAMPLE, NEIGHBOURS, RECALL_TARGET
from ...mining.graphs.build import GraphReport, neighbours_of
from ...mining.labels import Labels, encode_labels
from ...mining.miner import mine
from ...mining.neighbours import NeighbourTable
from ...mining.report import MiningReport, merge_reports
from ...mining.rule import MiningRule
from ...mining.vectors import as_vectors, is_unit, normalise
from ..artifacts.neighbours import create_neighbours, write_neighbours
from ..artifacts.triplets import (
    AUDIT,
    CLASSES,
    CONFUSION,
    classes_table,
    coded_columns,
    confusion_table,
    part_name,
    triplet_table,
)
from ..data.arrays import Arrays
from ..data.files import locate
from ..errors import DataError, SpecError
from ..runfile.work_specs import MineSpec
from ..storage.publish import publish_json
from ..storage.tables import write_table

SETTINGS = "mining.json"
"""What a triplet folder was mined from and how; `audit` reads it."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """The arguments of `mine_files`, as mining.json records them."""

    embeddings: str
    labels: str | None
    rule: MiningRule
    neighbours: int
    method: str
    recall_target: float
    normalise: bool
    seed: int
    threads: int | None
    memory_mib: int | None
    chunk_rows: int
    audit_sample: int


@dataclass(frozen=True, slots=True)
class MinedFiles:
    """Where the triplets are, what the search and the mining counted, and what the audit found."""

    folder: Path
    rows: int
    classes: int
    graph: GraphReport
    mining: MiningReport
    audit: dict[str, Any] | None


def mine_files(
    embeddings: str | Path,
    labels: str | Path | None,
    out: str | Path,
    rule: MiningRule | None = None,
    *,
    neighbours: int = NEIGHBOURS,
    normalise: bool = False,
    method: str = "auto",
    recall_target: float = RECALL_TARGET,
    threads: int | None = None,
    seed: int = 0,
    memory_mib: int | None = None,
    chunk_rows: int = MineSpec.model_fields["chunk_rows"].default,
    audit_sample: int = AUDIT_SAMPLE,
    note: Callable[[str], None] | None = None,
) -> MinedFiles:
    """Search, mine and audit the vectors of a file; write the folder `out` in one go.

    It holds triplets/part-*.parquet, confusion.parquet, classes.parquet, neighbours.zarr, audit.json and
    mining.json.

    embeddings: .npy, .npz, Zarr or Parquet with vectors (N, D). labels: the file with their labels; None where they
    are in the same file. rule: by default `MiningRule()`. neighbours: K. normalise: scale the vectors to unit length,
    which the rule assumes. method, recall_target, seed, memory_mib: of the search, as in `neighbours`. threads: all
    cores by default. chunk_rows: anchors of one Parquet part. audit_sample: anchors that are derived again at the
    end; 0 leaves it out. note: hears what is going on.

    Raises: DataError and InputError for the files, SpecError when `out` is there already.
    """
    settings = _Settings(
        embeddings=str(embeddings),
        labels=None if labels is None else str(labels),
        rule=MiningRule() if rule is None else rule,
        neighbours=neighbours,
        method=method,
        recall_target=recall_target,
        normalise=normalise,
        seed=seed,
        threads=threads,
        memory_mib=memory_mib,
        chunk_rows=chunk_rows,
        audit_sample=audit_sample,
    )
    return _mine_files(settings, Path(out), note or (lambda _: None))


def _mine_files(settings: _Settings, out: Path, note: Callable[[str], None]) -> MinedFiles:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SpecError(f"{out} exists already: choose another folder with --out, or remove it")
    here = Path()
    source = Arrays(
        locate(settings.embeddings, here), None if settings.labels is None else locate(settings.labels, here)
    )
    vectors, labels = read_vectors(source, normalised=settings.normalise), read_labels(source)
    note(f"{len(vectors)} rows of width {vectors.shape[1]}, {labels.classes} classes")
    table, graph = neighbours_of(
        vectors,
        settings.neighbours,
        method=settings.method,
        recall_target=settings.recall_target,
        threads=settings.threads,
        seed=settings.seed,
        memory_mib=settings.memory_mib,
    )
    note(f"graph: {graph.method}, recall {graph.recall:.4f}: {graph.why}")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _write_neighbours(partial, table, settings)
    report = _write_triplets(partial, table, labels, vectors, settings)
    note(f"mined {report.triplets} triplets for {report.anchors_with_triplet} of {report.anchors} anchors")
    audit = _audit(partial, labels, vectors, report, settings)
    publish_json(partial / SETTINGS, _described(settings, graph, report, vectors.shape))
    partial.replace(out)
    return MinedFiles(out, len(vectors), labels.classes, graph, report, audit)


def read_vectors(source: Arrays, *, normalised: bool) -> NDArray[np.float32]:
    """Vectors float32 (N, D) of unit norm.

    Raises: DataError for files that cannot be read, and for vectors that are not of unit norm unless `normalised`
    asks to make them so; InputError for values that are not finite.
    """
    if len(source.item_shape) != 1:
        raise DataError(
            f"{source.location} has items of shape {source.item_shape}, but vectors (N, D) are mined"
        )
    vectors = as_vectors(np.asarray(source.content[...]), name=source.location)
    if normalised:
        return normalise(vectors)
    if not is_unit(vectors):
        norms = np.linalg.norm(vectors, axis=1)
        raise DataError(
            f"{source.location} has vectors of length {norms.min():.4g} to {norms.max():.4g}, but the margin is in "
            "units of squared distances of unit vectors: give --normalise, or normalise them before"
        )
    return vectors


def read_labels(source: Arrays) -> Labels:
    """The labels of all rows. Raises: DataError, InputError."""
    return encode_labels(source.rows.labels.to_pylist())


def _write_neighbours(folder: Path, table: NeighbourTable, settings: _Settings) -> None:
    rows, step = len(table), settings.chunk_rows
    create_neighbours(folder, rows=rows, neighbours=table.neighbours, chunk_rows=step)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        write_neighbours(folder, start, NeighbourTable(table.ids[part], table.sq_distances[part]))


def _write_triplets(
    folder: Path, table: NeighbourTable, labels: Labels, vectors: NDArray[np.float32], settings: _Settings
) -> MiningReport:
    confusions, reports = [], []
    for index, start in enumerate(range(0, len(table), settings.chunk_rows)):
        part = slice(start, start + settings.chunk_rows)
        mined = mine(
            NeighbourTable(table.ids[part], table.sq_distances[part]),
            labels,
            settings.rule,
            first_anchor=start,
            vectors=vectors,
            threads=settings.threads,
        )
        write_table(folder / part_name(index), triplet_table(mined.columns, labels))
        confusions.append(mined.confusion)
        reports.append(mined.report)
    write_table(folder / CONFUSION, confusion_table(merge_confusions(confusions), labels))
    write_table(folder / CLASSES, classes_table([report.triplets_by_class for report in reports], labels))
    return merge_reports(reports)


def _audit(
    folder: Path, labels: Labels, vectors: NDArray[np.float32], report: MiningReport, settings: _Settings
) -> dict[str, Any] | None:
    if not settings.audit_sample:
        return None
    found = audit_parts(
        (coded_columns(path, labels) for path in sorted(folder.glob("triplets/*.parquet"))),
        labels,
        vectors,
        settings.rule,
        sample=settings.audit_sample,
        anchors=report.anchors_with_triplet,
        seed=settings.seed,
    )
    publish_json(folder / AUDIT, found.as_dict())
    return found.as_dict()


def _described(
    settings: _Settings, graph: GraphReport, report: MiningReport, shape: tuple[int, ...]
) -> dict[str, Any]:
    described = asdict(settings)
    described["embeddings"] = locate(settings.embeddings, Path())
    described["labels"] = None if settings.labels is None else locate(settings.labels, Path())
    return json.loads(
        json.dumps({"settings": described, "shape": shape, "graph": asdict(graph), "counts": report.counts()})
    )
