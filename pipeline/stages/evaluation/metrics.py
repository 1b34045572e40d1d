"""The metrics of the evaluate stage, from the embeddings of its splits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...artifacts.reviews import kept_review
from ...data.review.on_splits import reviewed_rows_of
from ...data.rows import RunRows
from ...errors import StaleError
from ...plan.stage import Job
from ...plan.work import Task
from ...resolve.pair_list import read_pair_list
from ...resolve.protocols import AGAINST_TRAIN, protocols_of
from ...resolve.train_sample import TRAIN_SAMPLE
from ...workers.opened import rows_of
from ..trained_layers import neck_of
from .labels import label_figures
from .ranking import ranking_figures
from .search import Vectors, answers, classes_of, groups_of, question


def measure(job: Job, vectors: Vectors, tasks: Mapping[str, Sequence[Task]]) -> dict[str, Any]:
    """Metrics by protocol.

    Each split, and the sample of training rows, is evaluated leave-one-out; also by role and group if rows have them;
    the test against the training split if evaluate.train_gallery is set; labels if a loss scores them. Ranked items are
    evaluated only by their order.
    vectors: float32 (rows, D) of each evaluated split or gallery, and of the sample of training rows. tasks: those that
    searched, by protocol.
    """
    if job.facts.ranking:
        return ranking_figures(job, vectors)
    rows, given, vectors = compared(job, vectors)
    embedded = _as_embedded(job, {split: given[split] for split in vectors if split != TRAIN_SAMPLE})
    found: dict[str, Any] = {}
    if TRAIN_SAMPLE in vectors:
        found[TRAIN_SAMPLE] = _retrieval(job, rows, vectors, TRAIN_SAMPLE, tasks)
    for split in embedded:
        if split == "train":
            continue
        found[split] = _retrieval(job, rows, vectors, split, tasks)
        found[split] |= _clustered(job, rows, split, vectors[split]) | _verified(
            job, rows, split, vectors[split]
        )
        if split == "validation":
            found[split] |= _violations(job, rows, embedded[split])
        for protocol in protocols_of(rows, split):
            found[protocol.name] = _retrieval(job, rows, vectors, protocol.name, tasks)
    if "train" in vectors and job.spec.evaluate.train_gallery:
        found[AGAINST_TRAIN] = _retrieval(job, rows, vectors, AGAINST_TRAIN, tasks)
    for split, figures in label_figures(job, rows, embedded).items():
        found[split] |= figures
    return found


def compared(job: Job, vectors: Vectors) -> tuple[RunRows, Vectors, dict[str, NDArray[np.float32]]]:
    """The rows with the review applied; vectors of these rows as embedded; and the same as retrieval compares them."""
    rows, given = _reviewed(job, rows_of(job.root, job.facts.data_digest), vectors)
    return rows, given, _as_retrieved(job, given)


def _retrieval(
    job: Job, rows: RunRows, vectors: Vectors, name: str, tasks: Mapping[str, Sequence[Task]]
) -> dict[str, Any]:
    """Retrieval metrics of a protocol."""
    from ....models.metrics.report import retrieval_metrics

    given = question(job, rows, vectors, name)
    figures = retrieval_metrics(
        answers(job, given, tasks.get(name, ())),
        given.classes,
        gallery=given.compared_with(job.spec),
        recalls=job.spec.evaluate.recalls,
        knn=job.spec.evaluate.knn,
        seed=_seed(job),
    )
    drawn = {"queries_drawn_from": given.queries} if len(given.asked) < given.queries else {}
    return figures | drawn


def _as_embedded(job: Job, vectors: Vectors) -> Vectors:
    """The embeddings as in training: raw encoder output is scaled to unit length if the encoder normalises."""
    from ....models.metrics.centroids import unit_length

    spec = job.spec.evaluate
    if (spec.retrieval == "instances" and spec.feature == "embedding") or not job.spec.encoder.normalise:
        return vectors
    return {split: unit_length(each) for split, each in vectors.items()}


def _as_retrieved(job: Job, vectors: Vectors) -> dict[str, NDArray[np.float32]]:
    """The vectors that retrieval compares. For centroids, scaling to unit length follows after taking the means."""
    if job.spec.evaluate.feature == "embedding":
        return dict(vectors)
    from ....models.metrics.centroids import unit_length

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
        rows, there = reviewed_rows_of(rows, review, split, job.spec.data.label_separator)
        if split in vectors:
            vectors[split] = vectors[split][there]
    return rows, vectors


def _clustered(job: Job, rows: RunRows, split: str, vectors: NDArray[np.float32]) -> dict[str, Any]:
    """NMI, if it is asked for."""
    if not job.spec.evaluate.nmi:
        return {}
    from ....models.metrics.centroids import unit_length
    from ....models.metrics.report import nmi_metrics

    if job.spec.evaluate.retrieval == "centroids" and job.spec.encoder.normalise:
        vectors = unit_length(vectors)
    return nmi_metrics(vectors, classes_of(rows, split), seed=_seed(job))


def _violations(job: Job, rows: RunRows, embedded: NDArray[np.float32]) -> dict[str, Any]:
    """The share of violations by which k is adapted, always of the embeddings as used in mining."""
    from ....models.metrics.violations import violation_share

    share = violation_share(
        embedded,
        classes_of(rows, "validation"),
        margin=job.spec.margin,
        anchors=job.spec.evaluate.violation_sample,
        seed=_seed(job),
    )
    return {"violation_share": share}


def _verified(job: Job, rows: RunRows, split: str, vectors: NDArray[np.float32]) -> dict[str, Any]:
    """Verification metrics of listed or sampled pairs; empty if none are asked for, or the split has too few."""
    from ....models.metrics.centroids import unit_length
    from ....models.metrics.verification import pair_distances, sampled_pairs, verification_metrics

    spec, seed = job.spec.evaluate, _seed(job)
    if spec.pairs is not None:
        column = rows.column("group", split)
        groups = groups_of(rows, split) if column.null_count < len(column) else None
        pairs = sampled_pairs(classes_of(rows, split), spec.pairs, seed=seed, groups=groups)
    else:
        listed = read_pair_list(job.spec)
        if listed is None:
            return {}
        if listed.digest() != job.facts.pairs:
            raise StaleError(
                f"evaluate.pairs_file = {spec.pairs_file} has changed since the run was opened: start it again"
            )
        pairs = listed.of(rows.column("key", split), seed)
    if pairs is None:
        return {}
    if spec.retrieval == "centroids" and job.spec.encoder.normalise:
        vectors = unit_length(vectors)
    return verification_metrics(pair_distances(vectors, pairs), pairs, fars=spec.fars)


def _seed(job: Job) -> int:
    return job.spec.run.seed % 2**32
