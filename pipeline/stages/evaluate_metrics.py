"""The metrics of the evaluate stage, from the embeddings of its splits."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..artifacts.reviews import kept_review
from ..data.base import SPLITS, coded_rows
from ..data.review.on_splits import reviewed_rows_of
from ..data.rows import RunRows
from ..errors import StaleError
from ..plan.stage import Job
from ..resolve.pair_list import read_pair_list
from ..resolve.protocols import AGAINST_TRAIN, Protocol, protocols_of
from ..resolve.train_sample import TRAIN_SAMPLE, train_sample
from ..workers.opened import rows_of
from .evaluate_labels import label_figures
from .evaluate_ranking import ranking_figures
from .trained_layers import neck_of

if TYPE_CHECKING:
    from ...models.row_classes import RowClasses

Vectors = Mapping[str, NDArray[np.float32]]


def measure(job: Job, vectors: Vectors) -> dict[str, Any]:
    """Metrics by protocol.

    Each split, and the sample of training rows, is evaluated leave-one-out; also by role and group if rows have them;
    the test against the training split if evaluate.train_gallery is set; labels if a loss scores them. Ranked items are
    evaluated only by their order.
    vectors: float32 (rows, D) of each evaluated split or gallery, and of the sample of training rows.
    """
    if job.facts.ranking:
        return ranking_figures(job, vectors)
    rows, given = _reviewed(job, rows_of(job.root, job.facts.data_digest), vectors)
    vectors = _as_retrieved(job, given)
    sample = vectors.pop(TRAIN_SAMPLE, None)
    embedded = _as_embedded(job, {split: given[split] for split in vectors})
    found: dict[str, Any] = {} if sample is None else {TRAIN_SAMPLE: _of_sample(job, rows, sample)}
    for split in vectors:
        if split != "train":
            found[split] = _leave_one_out(job, rows, split, vectors[split])
            if split == "validation":
                found[split] |= _violations(job, rows, embedded[split])
            for protocol in protocols_of(rows, split):
                found[protocol.name] = _by_role_and_group(job, rows, split, protocol, vectors[split])
    if "train" in vectors and job.spec.evaluate.train_gallery:
        found[AGAINST_TRAIN] = _against_train(job, rows, vectors)
    for split, figures in label_figures(job, rows, embedded).items():
        found[split] |= figures
    return found


def _as_embedded(job: Job, vectors: Vectors) -> Vectors:
    """The embeddings as in training: raw encoder output is scaled to unit length if the encoder normalises."""
    from ...models.metrics.centroids import unit_length

    spec = job.spec.evaluate
    if (spec.retrieval == "instances" and spec.feature == "embedding") or not job.spec.encoder.normalise:
        return vectors
    return {split: unit_length(each) for split, each in vectors.items()}


def _as_retrieved(job: Job, vectors: Vectors) -> dict[str, NDArray[np.float32]]:
    """The vectors that retrieval compares. For centroids, scaling to unit length follows after taking the means."""
    if job.spec.evaluate.feature == "embedding":
        return dict(vectors)
    from ...models.metrics.centroids import unit_length

    neck = neck_of(job)
    found = {split: neck.normalised(each) for split, each in vectors.items()}
    if job.spec.evaluate.retrieval == "instances" and job.spec.encoder.normalise:
        found = {split: unit_length(each) for split, each in found.items()}
    return found


def _reviewed(job: Job, rows: RunRows, vectors: Vectors) -> tuple[RunRows, dict[str, NDArray[np.float32]]]:
    """Rows and vectors with data.review applied to validation and test, if the run applies it to them."""
    vectors = dict(vectors)
    for split, digest in job.facts.held_out:
        review = kept_review(job.root, digest)
        there = [key not in review.excluded for key in rows.keys_of(split)]
        rows = reviewed_rows_of(rows, review, split, job.spec.data.label_separator)
        if split in vectors:
            vectors[split] = vectors[split][np.array(there, np.bool_)]
    return rows, vectors


def _leave_one_out(job: Job, rows: RunRows, split: str, vectors: NDArray[np.float32]) -> dict[str, Any]:
    """Retrieval metrics with every row of the split as a query against the other rows of the split."""
    from ...models.metrics.report import retrieval_metrics

    spec = job.spec.evaluate
    metrics = retrieval_metrics(
        vectors,
        _classes(rows, split),
        matched=spec.retrieval,
        normalise=job.spec.encoder.normalise,
        recalls=spec.recalls,
        knn=spec.knn,
        with_nmi=spec.nmi,
        seed=_seed(job),
    )
    return metrics | _verified(job, rows, split, vectors)


def _violations(job: Job, rows: RunRows, embedded: NDArray[np.float32]) -> dict[str, Any]:
    """The share of violations by which k is adapted, always of the embeddings as used in mining."""
    from ...models.metrics.violations import violation_share

    share = violation_share(
        embedded,
        _classes(rows, "validation"),
        margin=job.spec.margin,
        anchors=job.spec.evaluate.violation_sample,
        seed=_seed(job),
    )
    return {"violation_share": share}


def _of_sample(job: Job, rows: RunRows, vectors: NDArray[np.float32]) -> dict[str, Any]:
    """Leave-one-out retrieval metrics of the sampled training rows."""
    from ...models.metrics.report import retrieval_metrics

    spec = job.spec.evaluate
    return retrieval_metrics(
        vectors,
        _classes(rows, "train").take(train_sample(rows, job.spec)),
        matched=spec.retrieval,
        normalise=job.spec.encoder.normalise,
        recalls=spec.recalls,
        knn=spec.knn,
        with_nmi=False,
        seed=_seed(job),
    )


def _verified(job: Job, rows: RunRows, split: str, vectors: NDArray[np.float32]) -> dict[str, Any]:
    """Verification metrics of listed or sampled pairs; empty if none are asked for, or the split has too few."""
    from ...models.metrics.centroids import unit_length
    from ...models.metrics.verification import pair_distances, sampled_pairs, verification_metrics

    spec, seed = job.spec.evaluate, _seed(job)
    if spec.pairs is not None:
        names = rows.groups(split)
        groups = _groups(names) if any(names) else None
        pairs = sampled_pairs(_classes(rows, split), spec.pairs, seed=seed, groups=groups)
    else:
        listed = read_pair_list(job.spec)
        if listed is None:
            return {}
        if listed.digest() != job.facts.pairs:
            raise StaleError(
                f"evaluate.pairs_file = {spec.pairs_file} has changed since the run was opened: start it again"
            )
        pairs = listed.of(pa.array(rows.keys_of(split), pa.string()), seed)
    if pairs is None:
        return {}
    if spec.retrieval == "centroids" and job.spec.encoder.normalise:
        vectors = unit_length(vectors)
    return verification_metrics(pair_distances(vectors, pairs), pairs, fars=spec.fars)


def _by_role_and_group(
    job: Job, rows: RunRows, split: str, protocol: Protocol, vectors: NDArray[np.float32]
) -> dict[str, Any]:
    """Retrieval metrics of queries against the gallery, or one another, without matches of the query's own group."""
    from ...models.metrics.report import re_identification_metrics

    classes = _classes(rows, split)
    groups = _groups(rows.groups(split)) if protocol.grouped else None
    asked, asking = protocol.gallery, protocol.queries
    return re_identification_metrics(
        vectors[asking],
        classes.take(asking),
        None if groups is None else groups[asking],
        gallery=None if asked is None else vectors[asked],
        gallery_classes=None if asked is None else classes.take(asked),
        gallery_groups=None if asked is None or groups is None else groups[asked],
        matched=job.spec.evaluate.retrieval,
        normalise=job.spec.encoder.normalise,
        recalls=job.spec.evaluate.recalls,
        knn=job.spec.evaluate.knn,
        seed=_seed(job),
    )


def _against_train(job: Job, rows: RunRows, vectors: Vectors) -> dict[str, Any]:
    """Retrieval metrics with every row of the test split as a query against the training split."""
    from ...models.metrics.report import retrieval_metrics

    return retrieval_metrics(
        vectors["test"],
        _classes(rows, "test"),
        gallery=vectors["train"],
        gallery_classes=_classes(rows, "train"),
        matched=job.spec.evaluate.retrieval,
        normalise=job.spec.encoder.normalise,
        recalls=job.spec.evaluate.recalls,
        knn=job.spec.evaluate.knn,
        seed=_seed(job),
        with_nmi=False,
    )


def _seed(job: Job) -> int:
    return job.spec.run.seed % 2**32


def _classes(rows: RunRows, split: str) -> "RowClasses":
    """Classes of a split. A name has the same code in every split."""
    from ...models.row_classes import RowClasses

    known = sorted({name for each in SPLITS for name in rows.class_sizes(each)})
    code_of = {name: code for code, name in enumerate(known)}
    return RowClasses(
        *coded_rows(
            rows.column("label", split), lambda names: np.array([code_of[name] for name in names], np.int32)
        )
    )


def _groups(names: Sequence[str | None]) -> NDArray[np.int32]:
    """int32 codes of groups; −1 for None."""
    codes = {name: code for code, name in enumerate(sorted({name for name in names if name is not None}))}
    return np.array([-1 if name is None else codes[name] for name in names], np.int32)
