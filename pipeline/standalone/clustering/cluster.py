"""Cluster rows, and write the cluster of each row to a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....mining.compute.machine import machine_memory_mib
from ...errors import DataError, SpecError
from ...storage.tables import write_table
from .rows import Clustered

SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class Clusters:
    """rows, clusters: number of rows and of clusters. single: number of clusters with one row. largest: number of rows
    in the largest cluster. figures: see `cluster_figures`; None if rows have no labels, or several.
    """

    rows: int
    clusters: int
    single: int
    largest: int
    figures: dict[str, float] | None


def require_new_table(out: Path) -> None:
    """Raises: SpecError if `out` exists, or is not named like a Parquet file."""
    if out.exists() or out.is_symlink():
        raise SpecError(f"{out} exists already: choose another name, or remove it")
    if out.suffix != SUFFIX:
        raise SpecError(
            f"{out} does not end in {SUFFIX}: clusters are a Parquet file, call it {out.stem}{SUFFIX}"
        )


def write_clusters(
    asked: Clustered, out: Path, *, threshold: float | None = None, clusters: int | None = None, seed: int = 0
) -> Clusters:
    """Cluster rows, and write `out`: row int64, key, cluster int64 (from 0, in order of first rows), and label.

    threshold: squared distance up to which clusters are merged (agglomerative, average linkage). clusters: number of
    clusters for k-means. Exactly one of them must be given. The column label is written only if each row has one label.
    Raises: SpecError for both or neither, and if `out` exists; DataError if the distances of all pairs of rows do not
    fit in memory; ModelError for values that do not suit the rows.
    """
    require_new_table(out)
    if (threshold is None) == (clusters is None):
        said = (
            "neither threshold nor clusters is given"
            if threshold is None
            else "threshold and clusters are both given"
        )
        raise SpecError(
            f"{said}: give --threshold (agglomerative, up to a squared distance) or --clusters (k-means)"
        )
    from ....models.metrics.clustering import agglomerative, cluster_figures, k_means

    if threshold is not None:
        _require_memory(asked)
        found = agglomerative(asked.vectors, threshold_sq=threshold)
    else:
        found = k_means(asked.vectors, clusters or 0, seed=seed)
    classes = asked.classes()
    write_table(out, _table(asked, found, classes))
    counts = np.bincount(found)
    return Clusters(
        len(found),
        len(counts),
        int((counts == 1).sum()),
        int(counts.max()),
        None if classes is None else cluster_figures(found, classes),
    )


def _require_memory(asked: Clustered) -> None:
    from ....models.metrics.clustering import agglomerative_bytes

    rows, width = asked.vectors.shape
    needed, limit = agglomerative_bytes(rows, width) // 2**20, machine_memory_mib()
    if needed > limit:
        most = int((limit * 2**20 / 8) ** 0.5)
        raise DataError(
            f"--threshold takes the distances of all pairs of {rows:,} rows, {needed:,} MiB, but this machine has "
            f"{limit:,} MiB, enough for about {most:,} rows: give --clusters, which needs no distances of pairs, or "
            "cluster fewer rows"
        )


def _table(asked: Clustered, found: NDArray[np.int64], classes: NDArray[np.int32] | None) -> pa.Table:
    columns = {"row": pa.array(asked.rows), "key": asked.keys, "cluster": pa.array(found)}
    if classes is not None and asked.labels is not None:
        columns["label"] = pa.array([str(name) for name in asked.labels.names], pa.string()).take(
            pa.array(classes)
        )
    return pa.table(columns)
