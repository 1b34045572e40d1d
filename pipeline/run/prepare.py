"""What a run directory holds beside its stages: what it is, its rows, and a copy of the user's encoder."""

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..artifacts.encoder_copies import EncoderFiles, encoder_files, keep_copies
from ..artifacts.record import RUN_FILE, read_run_file, remove_damaged_run_file, rows_keys, splitting_of
from ..artifacts.rows import ROWS_FILE, ROWS_REMEDY, data_digest, read_rows_table, remove_damaged_rows
from ..data.base import DataSet
from ..data.open import open_data
from ..data.pictures.examine import transparent_pictures
from ..data.pictures.picture_set import PictureSet
from ..data.rows import RunRows, build_rows
from ..data.splits import Splitting
from ..errors import CorruptError, DataError, StaleError
from ..plan.stage import RunFacts
from ..resolve.labels import check_losses
from ..runfile.run_spec import RunSpec
from ..storage.publish import published


@dataclass(frozen=True, slots=True)
class Prepared:
    """The facts of a run, and what run.json says beside them. splitting: how its rows were split. pictures: their
    background and what was left out; None without any."""

    facts: RunFacts
    identity: dict[str, Any]
    splitting: Splitting
    pictures: dict[str, Any] | None


def prepare_data(spec: RunSpec, *, repair: bool = False) -> Prepared:
    """Write the run's rows, or see that those on disk are still those of the data set.

    repair: what is damaged of the run's own files is written again.
    Raises: StaleError when data or split settings are others than the run began with; CorruptError.
    """
    if repair:
        remove_damaged_run_file(spec.root)
    data = open_data(spec.data, Path(spec.base))
    identity = data.identity()
    path = spec.root / ROWS_FILE
    before = read_run_file(spec.root) if (spec.root / RUN_FILE).exists() else None
    splitting = _splitting(spec, data, before)
    if before is not None:
        for subject, there, now in (
            ("the data set", before["identity"], json.loads(json.dumps(identity))),
            ("[data]", before["rows_keys"], json.loads(json.dumps(rows_keys(spec)))),
        ):
            if there != now:
                raise StaleError(
                    f"{subject} of the run in {spec.root} changed: it was {_short(there)} and now is {_short(now)}; "
                    "set it back, or start a new run.directory"
                )
    if before is not None and repair:
        remove_damaged_rows(spec.root, before["facts"]["data_digest"])
    if before is not None and path.exists():
        rows = read_rows_table(path)
        if data_digest(rows, identity) != before["facts"]["data_digest"]:
            raise CorruptError(f"{path} is not what {RUN_FILE} says: {ROWS_REMEDY}")
    else:
        rows = RunRows(build_rows(data, spec.data, seed=spec.run.seed, splitting=splitting))
        with published(path) as partial:
            pq.write_table(rows.table, partial, compression="zstd", write_page_checksum=True)
        if before is not None and data_digest(rows, identity) != before["facts"]["data_digest"]:
            raise StaleError(
                f"{path} was gone, and made again it is not what the run began with: start a new run.directory"
            )
    if before is not None and "pictures" not in before and isinstance(data, PictureSet):
        _refuse_other_reading(data, spec.root)
    encoder = encoder_files(spec)
    keep_copies(spec.root, encoder)
    pictures = data.record() if isinstance(data, PictureSet) else None
    return Prepared(_facts(spec, data, rows, identity, encoder), identity, splitting, pictures)


def _splitting(spec: RunSpec, data: DataSet, before: dict[str, Any] | None) -> Splitting:
    """As the run has it, so that its rows can be made again; new runs split by hashes.

    Where run.json was lost, as the rows that are there were split.
    """
    if before is not None:
        return splitting_of(before)
    path = spec.root / ROWS_FILE
    if path.exists():
        with suppress(CorruptError, DataError):
            there = read_rows_table(path)
            drawn = build_rows(data, spec.data, seed=spec.run.seed, splitting="drawn")
            if there.table.cast(drawn.schema).equals(drawn):
                return "drawn"
    return "hashed"


def _refuse_other_reading(data: PictureSet, root: Path) -> None:
    """Versions that kept no record of pictures read the colour under transparent pixels: not to be mixed with ours."""
    if found := transparent_pictures(data):
        raise StaleError(
            f"{len(found):,} of the {len(data.rows):,} pictures of the run in {root} have transparent pixels, as "
            f"{found[0]}: the version that began it read whatever colour lies under them, this one lays them on "
            "data.background; start a new run.directory"
        )


def describe_data(spec: RunSpec) -> RunFacts:
    """The facts that a run would have, without writing anything."""
    data = open_data(spec.data, Path(spec.base))
    before = read_run_file(spec.root) if (spec.root / RUN_FILE).exists() else None
    splitting = _splitting(spec, data, before)
    rows = RunRows(build_rows(data, spec.data, seed=spec.run.seed, splitting=splitting))
    return _facts(spec, data, rows, data.identity(), encoder_files(spec))


def _facts(
    spec: RunSpec, data: DataSet, rows: RunRows, identity: dict[str, Any], encoder: EncoderFiles
) -> RunFacts:
    facts = RunFacts(
        train=len(rows.range("train")),
        validation=len(rows.range("validation")),
        test=len(rows.range("test")),
        classes=len(rows.class_sizes("train")),
        singletons=len(rows.singletons()),
        item_shape=tuple(data.item_shape),
        item_bytes=data.dtype.itemsize * math.prod(data.item_shape),
        data_digest=data_digest(rows, identity),
        encoder=encoder.reference,
        weights=encoder.weights,
        encoder_digest=encoder.digest,
        several=rows.several(),
    )
    check_losses(spec, facts)
    return facts


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 200 else text[:197] + "…"
