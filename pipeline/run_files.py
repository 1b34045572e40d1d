"""What a run directory holds beside its stages: what it is, its rows, and a copy of the user's encoder."""

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from .data.base import DataSet
from .data.open import open_data
from .data.rows import RunRows, build_rows
from .errors import CorruptError, SpecError, StaleError
from .plan.stage import RunFacts
from .runfile.run_spec import RunSpec
from .storage.digest import digest_file, digest_json
from .storage.manifest import SCHEMA
from .storage.publish import published
from .storage.sealed import publish_sealed, read_sealed

RUN_FILE = "run.json"
ROWS_FILE = "rows.parquet"
ENCODER_FOLDER = "encoder"

_ROWS_REMEDY = "delete that one file, the next run writes it again from the same data"


def read_run_file(root: Path) -> dict[str, Any]:
    """What the run directory says of itself. Errors: SpecError where it is none of ours."""
    path = root / RUN_FILE
    damaged = CorruptError(f"{path} is damaged: delete that one file, the next run writes it again")
    try:
        value = read_sealed(path)
    except (FileNotFoundError, NotADirectoryError):
        raise SpecError(f"{root} is not a run directory: it has no {RUN_FILE}") from None
    except ValueError:
        raise damaged from None
    if value.get("schema") != SCHEMA:
        raise SpecError(
            f"{root} was written with schema {value.get('schema')} (version {value.get('version')}), and this version "
            f"reads schema {SCHEMA}: use that version, or another run.directory"
        )
    if not {"spec", "facts", "identity", "rows_keys"} <= value.keys():
        raise damaged
    return value


def write_run_file(spec: RunSpec, facts: RunFacts, identity: dict[str, Any]) -> None:
    """Record the spec as resolved, the facts, and what tells the data from other data. Unchanged: not written."""
    value = {
        "schema": SCHEMA,
        "version": version("tripletmine"),
        "spec": spec.model_dump(mode="json"),
        "facts": facts.as_json(),
        "identity": identity,
        "rows_keys": _rows_keys(spec),
    }
    path = spec.root / RUN_FILE
    if not path.exists() or read_sealed(path) != value:
        publish_sealed(path, value)


def prepare_data(spec: RunSpec, *, repair: bool = False) -> tuple[RunFacts, dict[str, Any]]:
    """Write the run's rows, or see that those on disk are still those of the data set.

    repair: what is damaged of the run's own files is written again.
    Errors: StaleError when data or split settings are others than the run began with; CorruptError.
    """
    if repair:
        _remove_damaged_run_file(spec.root)
    data = open_data(spec.data, Path(spec.base))
    identity = data.identity()
    path = spec.root / ROWS_FILE
    before = read_run_file(spec.root) if (spec.root / RUN_FILE).exists() else None
    if before is not None:
        for subject, there, now in (
            ("the data set", before["identity"], json.loads(json.dumps(identity))),
            ("[data]", before["rows_keys"], json.loads(json.dumps(_rows_keys(spec)))),
        ):
            if there != now:
                raise StaleError(
                    f"{subject} of the run in {spec.root} changed: it was {_short(there)} and now is {_short(now)}; "
                    "set it back, or start a new run.directory"
                )
    if before is not None and repair:
        _remove_damaged_rows(spec.root, before["facts"]["data_digest"])
    if before is not None and path.exists():
        rows = _read_rows(path)
        if _data_digest(rows, identity) != before["facts"]["data_digest"]:
            raise CorruptError(f"{path} is not what {RUN_FILE} says: {_ROWS_REMEDY}")
    else:
        rows = RunRows(build_rows(data, spec.data, seed=spec.run.seed))
        with published(path) as partial:
            pq.write_table(rows.table, partial, compression="zstd", write_page_checksum=True)
        if before is not None and _data_digest(rows, identity) != before["facts"]["data_digest"]:
            raise StaleError(
                f"{path} was gone, and made again it is not what the run began with: start a new run.directory"
            )
    encoder = _encoder_files(spec)
    _keep_copies(spec.root, encoder)
    return _facts(data, rows, identity, encoder), identity


def _remove_damaged_run_file(root: Path) -> None:
    """Delete run.json where it cannot be believed: it follows from run file and data."""
    path = root / RUN_FILE
    try:
        if path.exists():
            read_run_file(root)
    except CorruptError:
        path.unlink()


def _remove_damaged_rows(root: Path, digest: str) -> None:
    """Delete rows.parquet where it is not what run.json says, which is known by now to be of this run."""
    path = root / ROWS_FILE
    try:
        if path.exists():
            read_rows_file(root, digest)
    except CorruptError:
        path.unlink()


def damaged_copies(root: Path) -> list[Path]:
    """Copies of the user's encoder, which are named by their content, that have another one."""
    copies = sorted((root / ENCODER_FOLDER).glob("[!.]*"))
    return [path for path in copies if digest_file(path)[:16] != path.stem]


def describe_data(spec: RunSpec) -> RunFacts:
    """The facts of a run that is not there yet, without writing anything."""
    data = open_data(spec.data, Path(spec.base))
    rows = RunRows(build_rows(data, spec.data, seed=spec.run.seed))
    return _facts(data, rows, data.identity(), _encoder_files(spec))


def read_rows_file(root: Path, digest: str) -> RunRows:
    """The rows of a run. `digest`: of rows and identity, as the facts have it. Errors: CorruptError."""
    path = root / ROWS_FILE
    identity = read_run_file(root)["identity"]
    rows = _read_rows(path)
    if _data_digest(rows, identity) != digest:
        raise CorruptError(f"{path} is not what {RUN_FILE} says: {_ROWS_REMEDY}")
    return rows


def _read_rows(path: Path) -> RunRows:
    try:
        return RunRows(pq.read_table(path, page_checksum_verification=True))
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path} cannot be read ({error}): {_ROWS_REMEDY}") from None


def _data_digest(rows: RunRows, identity: dict[str, Any]) -> str:
    return digest_json([rows.digest(), identity])


def _rows_keys(spec: RunSpec) -> dict[str, Any]:
    keys = spec.data.result_keys()
    for name in ("mean", "std", "augment"):
        del keys[name]
    return {**keys, "seed": spec.run.seed}


@dataclass(frozen=True, slots=True)
class _EncoderFiles:
    """The user's own files behind [encoder]: the run has copies, which every worker sees.

    reference: what to load, relative to the run where it is a file. weights: start weights, relative to the run.
    copies: name in the run → the user's file.
    """

    reference: str
    weights: str | None
    copies: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """Of code and weights: editing them changes the fingerprint of every stage."""
        return digest_json(sorted(self.copies))


def _encoder_files(spec: RunSpec) -> _EncoderFiles:
    copies: dict[str, Path] = {}

    def copied(key: str, value: str, path: str) -> str:
        source = Path(spec.base) / path
        if not source.is_file():
            raise SpecError(f"{key} is {value} but there is no file {source}: correct the path")
        name = f"{ENCODER_FOLDER}/{digest_file(source)[:16]}{source.suffix}"
        copies[name] = source
        return name

    reference = spec.encoder.name
    where, _, factory = reference.rpartition(":")
    if where.endswith(".py"):
        reference = f"{copied('encoder.name', spec.encoder.name, where)}:{factory}"
    weights = spec.encoder.weights
    if weights is not None:
        weights = copied("encoder.weights", weights, weights)
    return _EncoderFiles(reference, weights, copies)


def _keep_copies(root: Path, files: _EncoderFiles) -> None:
    for name, source in files.copies.items():
        # A copy is named by its content, so a damaged one is known, and replaced before anybody runs it.
        if not (root / name).exists() or digest_file(root / name) != digest_file(source):
            with published(root / name) as partial:
                shutil.copyfile(source, partial)


def _facts(data: DataSet, rows: RunRows, identity: dict[str, Any], encoder: _EncoderFiles) -> RunFacts:
    return RunFacts(
        train=len(rows.range("train")),
        validation=len(rows.range("validation")),
        test=len(rows.range("test")),
        classes=len(rows.class_sizes("train")),
        singletons=len(rows.singletons()),
        item_shape=tuple(data.item_shape),
        item_bytes=data.dtype.itemsize * math.prod(data.item_shape),
        data_digest=_data_digest(rows, identity),
        encoder=encoder.reference,
        weights=encoder.weights,
        encoder_digest=encoder.digest,
    )


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 200 else text[:197] + "…"
