"""Caches of a process between tasks: the data set, the rows, one encoder, index parts.

Each function caches one entry, keyed by what identifies it on disk, so that a worker that serves several runs or epochs
never mixes them up.
"""

from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...mining.graphs.methods import Index
from ...mining.labels import Labels
from ..artifacts.ranking import kept_ranking
from ..artifacts.reviews import kept_review
from ..artifacts.rows import read_rows_file
from ..data.base import DataSet, encoded_labels
from ..data.open import open_data
from ..data.ranking.items import RankedItems, ranked_items
from ..data.review.apply import Reviewed, apply_review
from ..data.rows import RunRows
from ..plan.stage import Job, RunFacts
from ..runfile.data_spec import DataSpec
from ..runfile.run_spec import RunSpec

if TYPE_CHECKING:
    from torch import nn


@lru_cache(maxsize=1)
def rows_of(root: Path, digest: str) -> RunRows:
    """The rows of a run, checked against the digest that the job was planned with."""
    return read_rows_file(root, digest)


@lru_cache(maxsize=1)
def labels_of(root: Path, digest: str) -> Labels:
    """The labels of the training split."""
    return encoded_labels(rows_of(root, digest).column("label", "train"))


def ranked_of(job: Job, split: str) -> RankedItems:
    """The ranked items of a split. Only for runs that rank items."""
    return _ranked(job.root, job.facts.data_digest, job.facts.ranking or "", split)


def reviewed_of(job: Job) -> Reviewed:
    """The training rows with the review of the job's epoch applied."""
    return reviewed_rows(job.root, job.spec, job.facts, job.facts.review_of(job.ref.epoch))


def reviewed_rows(root: Path, spec: RunSpec, facts: RunFacts, digest: str | None) -> Reviewed:
    """The training rows of a run with the review with this digest applied; None applies no review."""
    if digest is None:
        return Reviewed(labels_of(root, facts.data_digest))
    return _reviewed(root, spec.data.label_separator, facts.data_digest, digest)


def data_of(root: Path, spec: RunSpec, digest: str) -> DataSet:
    """The data set of a run, opened once per process and compared with the rows that the run began with."""
    return _data(root, spec.data.model_dump_json(), spec.base, digest)


def encoder_of(root: Path, spec: RunSpec, facts: RunFacts, checkpoint: Path | None) -> "nn.Module":
    """The encoder with the weights of a checkpoint (None: the initial weights of the run), for inference."""
    # After a redo the same path may hold other weights, so the modification time is part of the key.
    weights = checkpoint or (root / facts.weights if facts.weights else None)
    changed = weights.stat().st_mtime_ns if weights else 0
    return _encoder(root, spec.model_dump_json(), facts, weights, changed)


def release_state() -> None:
    """Drop the encoder and the indexes to free memory for the next stage. Data and rows stay."""
    _encoder.cache_clear()
    release_parts()


@lru_cache(maxsize=1)
def _ranked(root: Path, rows_digest: str, digest: str, split: str) -> RankedItems:
    return ranked_items(rows_of(root, rows_digest), split, kept_ranking(root, digest))


@lru_cache(maxsize=1)
def _reviewed(root: Path, separator: str | None, rows_digest: str, digest: str) -> Reviewed:
    rows = rows_of(root, rows_digest)
    keys, labels = rows.column("key", "train"), rows.column("label", "train")
    return apply_review(kept_review(root, digest), keys, labels, separator)


@lru_cache(maxsize=1)
def _data(root: Path, data_json: str, base: str, digest: str) -> DataSet:
    data = open_data(DataSpec.model_validate_json(data_json), Path(base))
    rows_of(root, digest).check(data)
    return data


@lru_cache(maxsize=1)
def _encoder(root: Path, spec_json: str, facts: RunFacts, weights: Path | None, _changed: int) -> "nn.Module":
    from ..resolve.encoder import load_encoder

    return load_encoder(root, RunSpec.model_validate_json(spec_json), facts, weights)


open_parts: OrderedDict[tuple[str, str, int, int], Index] = OrderedDict()


def release_parts() -> None:
    """Close all open parts."""
    open_parts.clear()
