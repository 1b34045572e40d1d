"""The mine stage: neighbours.zarr + labels + k → triplets/part-*.parquet, class confusions, counts, k and its
reasons."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...mining.audit.check import VIOLATIONS, audit_parts
from ...mining.confusion import Confusion, ConfusionSum
from ...mining.labels import Labels
from ...mining.miner import mine
from ...mining.miner_input import reads_vectors
from ...mining.neighbours import NeighbourTable
from ...mining.report import ClassCounts, MiningReport, merge_reports
from ...mining.rule import MiningRule
from ...mining.suspects import suspects
from ..artifacts.class_counts import keep_by_class, kept_by_class
from ..artifacts.embeddings import read_embeddings
from ..artifacts.neighbours import read_neighbours
from ..artifacts.reviews import kept_review
from ..artifacts.suspects import (
    MISLABELLED,
    NEAREST,
    excluded_rows,
    nearest_of,
    undecided,
    write_suspects,
)
from ..artifacts.triplets import (
    AUDIT,
    CLASSES,
    CONFUSION,
    HARDNESS,
    classes_table,
    coded_columns,
    confusion_table,
    part_name,
    triplet_table,
)
from ..data.base import SPLITS, encoded_groups
from ..errors import CorruptError
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts, Stage
from ..plan.work import PROCESS_MIB, Phase, Plan, Task, TaskOutput, TaskResources, split_rows
from ..resolve.graph import resolve_neighbours
from ..resolve.labels import label_keys
from ..runfile.run_spec import RunSpec
from ..storage.publish import publish_json
from ..storage.receipts import Receipt, remove_receipt
from ..storage.tables import write_table
from ..workers.opened import reviewed_of, rows_of
from .mine_hardness import choose_hardness, hardness_keys, hardness_parents, triplet_candidates

_TRIPLET_BYTES = 64


def _parents(spec: RunSpec, _facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    return (StageRef(ref.epoch, "graph"), StageRef(ref.epoch, "embed"), *hardness_parents(spec, ref))


def _keys(spec: RunSpec, facts: RunFacts, ref: StageRef) -> dict[str, Any]:
    review = facts.review_of(ref.epoch)
    # Earlier versions compared a negative only with its anchor, and so mined other triplets.
    guarded = spec.mine.guards.duplicate_sq is not None
    return {
        "mine": spec.mine.result_keys(),
        "warmup_epochs": spec.train.warmup_epochs,
        **label_keys(facts),
        **hardness_keys(spec),
        **({"review": review} if review else {}),
        **({"duplicates_of": "anchor and positives"} if guarded else {}),
    }


def _plan(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> Plan:
    rows = min(spec.mine.chunk_rows, facts.train)
    triplets = spec.mine.triplets_per_anchor * _TRIPLET_BYTES
    everything = facts.train * spec.encoder.embedding_dim * 4 if _reads_vectors(spec) else 0
    memory = (
        PROCESS_MIB
        + (rows * (resolve_neighbours(spec, facts) * 24 + triplets * 2) + facts.train * 16 + everything)
        // 2**20
    )
    vectors_mib = facts.train * spec.encoder.embedding_dim * 4 // 2**20
    summary = memory + (vectors_mib if spec.mine.audit_sample else 0)
    suspecting = (
        ()
        if spec.mine.exclude_suspects is None
        else (Phase("suspects", (Task("suspects", 0, 0, 0),), memory + facts.train * NEAREST * 24 // 2**20),)
    )
    return Plan(
        phases=(
            *suspecting,
            Phase("hardness", (Task("hardness", 0, 0, 0),), memory),
            Phase("rows", split_rows("rows", facts.train, spec.mine.chunk_rows), memory),
            Phase("summary", (Task("summary", 0, 0, 0),), summary, reads_scratch=True),
        ),
        disk_bytes=facts.train * triplets,
    )


def _run_task(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    match task.phase:
        case "suspects":
            return _find_suspects(job)
        case "hardness":
            publish_json(
                job.folder / HARDNESS,
                choose_hardness(
                    job,
                    lambda settings: triplet_candidates(
                        job,
                        settings,
                        job.spec.mine.rule(1.0, job.seed()),
                        threads=resources.threads,
                        excluded=_excluded(job),
                        vectors=_vectors(job),
                        groups=_groups(job),
                    ),
                ),
            )
            return TaskOutput(files=(HARDNESS,), rows=0)
        case "rows":
            return _mine_rows(job, task, resources)
        case _:
            return _summarise(job)


def _mine_rows(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    labels = reviewed_of(job).labels
    mined = mine(
        read_neighbours(job.parent("graph"), task.start, task.stop),
        labels,
        _rule(job),
        first_anchor=task.start,
        vectors=_vectors(job),
        excluded=_excluded(job),
        groups=_groups(job),
        never_negatives=reviewed_of(job).never_negatives,
        threads=resources.threads,
    )
    name = part_name(task.index)
    write_table(job.folder / name, triplet_table(mined.columns, labels))
    kept = keep_by_class(_scratch(job, task.name), mined.confusion, mined.report.triplets_by_class)
    report = {"counts": mined.report.counts(), "scratch_sha256": kept}
    return TaskOutput(files=(name,), rows=task.rows, report=report)


def _find_suspects(job: Job) -> TaskOutput:
    """List rows that seem mislabelled, for review; this epoch's mining leaves them out."""
    graph, facts, step = job.parent("graph"), job.facts, job.spec.graph.chunk_rows
    parts = [
        nearest_of(read_neighbours(graph, start, min(start + step, facts.train)))
        for start in range(0, facts.train, step)
    ]
    table = NeighbourTable(
        np.concatenate([part.ids for part in parts]), np.concatenate([part.sq_distances for part in parts])
    )
    labels = reviewed_of(job).labels
    found = suspects(table, labels, minimum_score=job.spec.mine.exclude_suspects or 1.0)
    keys = rows_of(job.root, facts.data_digest).table["key"].combine_chunks()
    found = undecided(found, keys, kept_review(job.root, facts.review_of(job.ref.epoch)))
    return TaskOutput(write_suspects(job.folder, found, labels, keys), rows=0)


def _excluded(job: Job) -> NDArray[np.bool_] | None:
    reviewed = reviewed_of(job).excluded
    if job.spec.mine.exclude_suspects is None:
        return reviewed
    suspected = excluded_rows(job.folder / MISLABELLED, job.facts.train)
    return suspected if reviewed is None else suspected | reviewed


def _groups(job: Job) -> NDArray[np.int64] | None:
    """The group code of each training row; None if no guard uses groups."""
    if job.spec.mine.guards.same_group is None:
        return None
    return encoded_groups(rows_of(job.root, job.facts.data_digest).column("group", SPLITS[0]))


def _k_hardness(job: Job) -> float:
    return float(json.loads((job.folder / HARDNESS).read_bytes())["k_hardness"])


def _rule(job: Job) -> MiningRule:
    """The mining rule with the k and the seed of this epoch."""
    return job.spec.mine.rule(_k_hardness(job), job.seed())


def _reads_vectors(spec: RunSpec) -> bool:
    return reads_vectors(spec.mine.rule(1.0, 0))


def _vectors(job: Job) -> NDArray[np.float32] | None:
    """All embeddings, if the rule needs distances that the neighbour table may lack; else None."""
    if not _reads_vectors(job.spec):
        return None
    return read_embeddings(job.parent("embed"), 0, job.facts.train)


def _scratch(job: Job, task: str) -> Path:
    return job.scratch / f"{task}.npy"


def _kept_by_class(job: Job) -> tuple[Confusion, list[ClassCounts]]:
    """Counts by class: the confusions summed over all ranges, and the triplet counts of each range.

    Raises: CorruptError if some counts are damaged; their receipts are removed, so that those ranges are mined again.
    """
    confusion, by_class, damaged = ConfusionSum(), [], []
    for task, receipt in sorted(job.stage_folder.receipts().items()):
        if "scratch_sha256" not in receipt.report:
            continue
        kept = kept_by_class(_scratch(job, task), receipt.report["scratch_sha256"])
        if kept is None:
            remove_receipt(job.folder, task)
            damaged.append(task)
        else:
            confusion.add(kept[0])
            by_class.append(kept[1])
    if damaged:
        raise CorruptError(
            f"{_scratch(job, damaged[0])} (and {len(damaged) - 1} more) is gone or was damaged: start the same command "
            "again, it mines those rows again"
        )
    return confusion.total, by_class


def _summarise(job: Job) -> TaskOutput:
    labels = reviewed_of(job).labels
    confusion, by_class = _kept_by_class(job)
    write_table(job.folder / CONFUSION, confusion_table(confusion, labels))
    write_table(job.folder / CLASSES, classes_table(by_class, labels))
    if not job.spec.mine.audit_sample:
        return TaskOutput(files=(CONFUSION, CLASSES), rows=0)
    publish_json(job.folder / AUDIT, _audit(job, labels))
    return TaskOutput(files=(CONFUSION, CLASSES, AUDIT), rows=0)


def _audit(job: Job, labels: Labels) -> dict[str, Any]:
    """Derive a sample of the triplets again from the files on disk.

    Raises: CorruptError if any triplet violates the rule, so that nothing is trained on it.
    """
    receipts = [receipt for receipt in job.stage_folder.receipts().values() if "counts" in receipt.report]
    report = audit_parts(
        (coded_columns(job.folder / name, labels) for receipt in receipts for name in sorted(receipt.files)),
        labels,
        read_embeddings(job.parent("embed"), 0, job.facts.train),
        _rule(job),
        sample=job.spec.mine.audit_sample,
        anchors=merge_reports([_counts(receipt) for receipt in receipts]).anchors_with_triplet,
        seed=job.seed() % 2**32,
        groups=_groups(job),
        excluded=reviewed_of(job).excluded,
        never_negatives=reviewed_of(job).never_negatives,
    )
    if not report.ok:
        kind, found = next(iter(report.violations.items()))
        raise CorruptError(
            f"{job.ref} mined triplets that do not hold: {found.count} of {report.checked} checked violate "
            f'"{VIOLATIONS[kind]}", as {found.examples[0]}; redo it with {StageRef(job.ref.epoch, "embed").redo}'
        )
    return report.as_dict()


def _report(job: Job, receipts: Sequence[Receipt]) -> dict[str, Any]:
    merged = merge_reports([_counts(receipt) for receipt in receipts if "counts" in receipt.report])
    hardness = json.loads((job.folder / HARDNESS).read_bytes())
    return {
        "k_hardness": hardness["k_hardness"],
        "hardness": hardness,
        "coverage": merged.coverage,
        "mean_hinge": merged.mean_hinge,
        "counts": merged.counts(),
        **_review_counts(job),
    }


def _review_counts(job: Job) -> dict[str, Any]:
    """Numbers of training rows and pairs that the review changed; empty if there is no review."""
    digest = job.facts.review_of(job.ref.epoch)
    if digest is None:
        return {}
    review = kept_review(job.root, digest)
    counts = {
        "relabelled": len(review.relabelled),
        "excluded": len(review.excluded),
        "never_negatives": len(review.never_negatives),
    }
    return {"review": {"digest": digest, **counts}}


def _counts(receipt: Receipt) -> MiningReport:
    return MiningReport.from_counts(receipt.report["counts"])


MINE = Stage("mine", _parents, _keys, _plan, _run_task, _report)
