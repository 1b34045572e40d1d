"""Write the mined rows as one table for embedding-atlas, FiftyOne and data frames."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..artifacts.neighbours import read_some_neighbours
from ..artifacts.suspects import nearest_of
from ..errors import PipelineError, SpecError
from ..standalone.audit import suspects_of
from ..standalone.triplet_folder import TripletSource
from ..storage.publish import published
from .items import Looks, Texts, looks_of
from .sampling import sample_of
from .sections.sample_map import pca
from .source import label_of, open_source, require_one_set

ROWS = 50_000
"""Maximum number of rows written; of more rows, an evenly spread sample is taken."""


def write_atlas(
    path: Path,
    out: Path,
    *,
    epoch: int | None = None,
    images: bool = True,
    values: str | None = None,
    column: str = "text",
    note: Callable[[str], None] = lambda _: None,
) -> int:
    """Write a Parquet file with a line for each mined row; returns the number of lines.

    path, epoch, images, values, column: as in `report_page`.

    Columns:
    row, key, label;
    image (struct of bytes and path, as in `datasets`) or text, if available;
    vector, and x and y, its first two principal components;
    triplets, the number of triplets with the row as anchor;
    hardest_negative, the key of the nearest negative of these triplets, and hardest_sq, its squared distance;
    suggested_label and suspect, the score, of rows that look mislabelled;
    looks_like, the key of the row of which the row may be a false negative;
    neighbors (struct of ids and distances; ids are lines of this file), only if no row is left out.
    Columns whose files are gone or damaged are left out and reported to `note`.

    Raises: SpecError if `out` exists; the errors of the triplets.
    """
    if out.exists():
        raise SpecError(f"{out} exists already: choose another name, or remove it")
    source = open_source(path, epoch)
    require_one_set(source, "table of rows")
    mined = source.triplets("mine")
    rows = sample_of(len(mined.labels), ROWS)
    if mined.left_out is not None:
        rows = rows[~mined.left_out[rows]]
    keys = mined.keys.take(pa.array(rows))
    columns: dict[str, Any] = {
        "row": rows,
        "key": keys,
        "label": [label_of(mined.labels, int(row)) for row in rows],
    }
    looks = looks_of(source, rows.tolist(), images=images, texts=Texts(values, None, column))
    whole = len(rows) == len(mined.labels)
    makers: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("items", lambda: _items(looks, rows)),
        ("vectors", lambda: _vectors(source.triplets("mine", "embed"), rows)),
        ("triplets", lambda: _triplets(mined, rows)),
        ("suspects", lambda: _suspects(source.triplets("mine", "graph"), rows)),
    ]
    if whole:
        makers.append(("neighbours", lambda: _neighbours(source.triplets("mine", "graph"))))
    for what, why in looks.missing:
        note(f"not in the table: {what}: {why}")
    for what, make in makers:
        try:
            columns |= make()
        except PipelineError as error:
            note(f"not in the table: {what}: {error}")
    if not whole:
        note(f"{len(rows):,} of {len(mined.labels):,} rows, evenly spread")
    with published(out) as partial:
        pq.write_table(pa.table(columns), partial, compression="zstd")
    return len(rows)


def _items(looks: Looks, rows: NDArray[np.int64]) -> dict[str, Any]:
    found = [looks.of[int(row)] for row in rows]
    if looks.kind == "pictures":
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        return {"image": pa.array([{"bytes": look.webp, "path": look.key} for look in found], kind)}
    return {"text": [look.text for look in found]} if looks.kind == "texts" else {}


def _vectors(mined: TripletSource, rows: NDArray[np.int64]) -> dict[str, Any]:
    vectors = mined.some_vectors(rows)
    points, _ = pca(vectors)
    flat = pa.array(np.ascontiguousarray(vectors).ravel())
    return {
        "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        "x": points[:, 0].astype(np.float32),
        "y": points[:, 1].astype(np.float32),
    }


def _triplets(mined: TripletSource, rows: NDArray[np.int64]) -> dict[str, Any]:
    """The columns about triplets. Parts are read one by one, so that all triplets are never in memory at once."""
    counts = np.zeros(len(mined.labels), np.int64)
    nearest = np.full(len(mined.labels), np.inf, np.float32)
    negative = np.full(len(mined.labels), -1, np.int64)
    for path in mined.files:
        part = pq.read_table(
            path, columns=["anchor", "negative", "sq_negative"], page_checksum_verification=True
        )
        anchors, negatives, sq = (column.to_numpy() for column in part.columns)
        np.add.at(counts, anchors, 1)
        order = np.argsort(
            -sq, kind="stable"
        )  # the nearest negative of an anchor is written last, so it stays
        nearer = order[sq[order] < nearest[anchors[order]]]
        nearest[anchors[nearer]], negative[anchors[nearer]] = sq[nearer], negatives[nearer]
    found = negative[rows]
    return {
        "triplets": counts[rows],
        "hardest_negative": mined.keys.take(pa.array(found, mask=found < 0)),
        "hardest_sq": pa.array(nearest[rows], mask=found < 0),
    }


def _suspects(mined: TripletSource, rows: NDArray[np.int64]) -> dict[str, Any]:
    found = suspects_of(mined)
    suggested, score = np.full(len(mined.labels), -1), np.zeros(len(mined.labels), np.float32)
    suspected = found.mislabelled["row"]
    suggested[suspected] = found.mislabelled["suggested_label"]
    score[suspected] = found.mislabelled["score"]
    like = np.full(len(mined.labels), -1, np.int64)
    for one, other in (("row", "other"), ("other", "row")):
        # The strongest pair of a row is written last, so it stays.
        like[found.false_negatives[one][::-1]] = found.false_negatives[other][::-1]
    names, at, of = mined.labels.name_array(), suggested[rows], like[rows]
    return {
        "suggested_label": pa.array([str(names[code]) if code >= 0 else None for code in at], pa.string()),
        "suspect": pa.array(score[rows], mask=at < 0),
        "looks_like": mined.keys.take(pa.array(of, mask=of < 0)),
    }


def _neighbours(mined: TripletSource) -> dict[str, Any]:
    every = np.arange(len(mined.labels), dtype=np.int64)
    table = nearest_of(read_some_neighbours(mined.neighbours, every))
    kind = pa.struct([("ids", pa.list_(pa.int64())), ("distances", pa.list_(pa.float32()))])
    there = table.ids >= 0
    lines = zip(table.ids, np.sqrt(table.sq_distances), there, strict=True)
    return {
        "neighbors": pa.array(
            [{"ids": ids[kept].tolist(), "distances": d[kept].tolist()} for ids, d, kept in lines], kind
        )
    }
