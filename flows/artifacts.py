"""Prefect artifacts of a run: tables of metrics and files by epoch, a summary, the message of a failure."""

import json
import re
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from ..pipeline.artifacts.scores import best_epoch
from ..pipeline.errors import PipelineError
from ..pipeline.plain import as_markdown
from ..pipeline.plan.refs import StageRef, manifest_of
from ..pipeline.plan.stage import protocol_title
from ..pipeline.plan.stage_folder import StageFolder
from ..pipeline.redact import redacted
from ..pipeline.run.inspection import HardTriplet, inspect_epoch
from .opened_run import OpenedRun

_OTHERS = ("r_precision", "map_at_r", "nmi")
"""Metrics that follow the recalls of the run file."""
_SOMETIMES = (
    "map",
    "cmc@1",
    "cmc@5",
    "cmc@10",
    "label_map",
    "coverage",
    "ranking_loss",
    "verification_accuracy",
)
"""Metrics that exist only if rows have roles or groups, a loss scores labels, or pairs are verified."""
_COUNTS = ("queries", "queries_left_out", "gallery")


def artifact_key(name: str, what: str) -> str:
    """A valid Prefect artifact key: lower-case letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{what}".lower()).strip("-")


def publish_metrics(opened: OpenedRun) -> None:
    """Publish the table of validation metrics, which has a row for each evaluated epoch."""
    create_table_artifact(
        key=artifact_key(opened.name, "metrics"),
        table=metrics_by_epoch(opened),
        description=f"{opened.name}: validation metrics by epoch",
    )


def publish_summary(opened: OpenedRun) -> None:
    """Publish the run directory, the best epoch and the test metrics."""
    create_markdown_artifact(
        key=artifact_key(opened.name, "summary"),
        markdown=summary(opened),
        description=f"{opened.name}: summary",
    )


def publish_failure(opened: OpenedRun, message: str) -> None:
    """Publish the error message of a failed run."""
    create_markdown_artifact(
        key=artifact_key(opened.name, "failure"),
        markdown="\n\n".join(map(as_markdown, message.splitlines())),
        description=f"{opened.name}: why it failed",
    )


def publish_files(opened: OpenedRun) -> None:
    """Publish the paths and digests of each epoch's embeddings and triplets (or pairs); the data are not copied."""
    rows = files_by_epoch(opened)
    if rows:  # none after the warm-up
        create_table_artifact(
            key=artifact_key(opened.name, "files"),
            table=rows,
            description=f"{opened.name}: embeddings and {_mined(opened)} by epoch",
        )


def files_by_epoch(opened: OpenedRun) -> list[dict[str, Any]]:
    """One row for each committed embed and mine stage: its folder, size and digest."""
    rows = []
    for epoch in opened.epochs:
        for stage, what in (("embed", "embeddings"), ("mine", _mined(opened))):
            ref = StageRef(epoch.number, stage)
            manifest = manifest_of(opened.run.root, ref)
            if manifest is not None:
                rows.append(
                    {
                        "epoch": epoch.number,
                        "what": what,
                        "folder": str(ref.folder(opened.run.root)),
                        "MiB": round(manifest.bytes / 2**20, 1),
                        "digest": manifest.digest[:16],
                        "deleted by run.keep": StageFolder(opened.run.root, ref).pruned,
                    }
                )
    return rows


def resolved(opened: OpenedRun) -> dict[str, Any]:
    """The run file with all defaults, ready for JSON, with secrets in URLs redacted."""
    return json.loads(redacted(opened.run.spec.model_dump_json()))


def hardest_pairs(opened: OpenedRun, count: int = 5) -> list[HardTriplet]:
    """The hardest mined triplets, one for each pair of classes; empty if they were deleted."""
    try:
        found = inspect_epoch(opened.run.root, hardest=40 * count).hardest
    except PipelineError:
        return []
    pairs: dict[frozenset[str], HardTriplet] = {}
    for triplet in found:
        pairs.setdefault(frozenset((triplet.anchor_label, triplet.negative_label)), triplet)
    return list(pairs.values())[:count]


def metrics_by_epoch(opened: OpenedRun) -> list[dict[str, Any]]:
    """One row for each evaluated epoch: its number, k (None in the warm-up), and the validation metrics.

    If rows have roles or groups, their metrics are named after the protocol.
    """
    rows = []
    for epoch in opened.epochs:
        found = _report(opened, StageRef(epoch.number, "evaluate"))
        if found is None:
            continue
        mined = _report(opened, StageRef(epoch.number, "mine")) or {}
        row: dict[str, Any] = {"epoch": epoch.number, "k": mined.get("k_hardness")}
        row |= {name: found["validation"].get(name) for name in _metrics(opened)}
        for protocol, figures in found.items():
            row |= {
                f"{protocol_title(protocol)} {name}": figures[name] for name in _SOMETIMES if name in figures
            }
        rows.append(row)
    return rows


def summary(opened: OpenedRun) -> str:
    """Markdown summary of the run: its data, best epoch, test metrics and hardest pairs."""
    spec, facts = opened.run.spec, opened.run.facts
    best = best_epoch(opened.run.root, spec)
    of = "items" if spec.loss.of_pairs else "classes"
    lines = [
        f"# {opened.name}",
        "",
        f"{facts.train:,} training rows of {facts.classes:,} {of}, {facts.validation:,} for validation, "
        f"{facts.test:,} for the test; {spec.run.epochs} epochs, {spec.train.warmup_epochs} of them warm-up.",
        "",
        f"Best epoch by {spec.evaluate.select} on validation: **{best}**.",
        "",
        f"Run directory: `{opened.run.root}`",
    ]
    tested = _report(opened, StageRef(None, "test"))
    if tested is not None:
        lines += ["", "| metric | " + " | ".join(tested) + " |", "| --- " * (1 + len(tested)) + "|"]
        lines += [
            f"| {name} | " + " | ".join(_figure(figures.get(name)) for figures in tested.values()) + " |"
            for name in (*_metrics(opened), *_SOMETIMES, *_COUNTS)
            if any(name in figures for figures in tested.values())
        ]
    pairs = hardest_pairs(opened)
    if pairs:
        lines += ["", "The hardest pairs that were mined, each of two classes once:", ""]
        lines += [
            "| anchor | negative | d² to the negative | d² to the positive |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| {_named(pair.anchor_label, pair.anchor)} | {_named(pair.negative_label, pair.negative)} "
            f"| {pair.sq_negative:.4f} | {pair.sq_positive:.4f} |"
            for pair in pairs
        ]
    page = opened.run.root / "report.html"
    if page.exists():
        lines += ["", f"Page: <{page.as_uri()}>"]
    return "\n".join(lines)


def _metrics(opened: OpenedRun) -> tuple[str, ...]:
    if opened.run.spec.loss.of_pairs:
        return ("pair_accuracy", "kendall_tau", "kendall_tau_in_groups", "alike_share", "pairs")
    return (*(f"recall@{k}" for k in opened.run.spec.evaluate.recalls), *_OTHERS)


def _mined(opened: OpenedRun) -> str:
    """The name of what the mine stage writes."""
    return "pairs" if opened.run.spec.loss.of_pairs else "triplets"


def _named(label: str, key: str) -> str:
    return f"**{as_markdown(label[:80])}** {as_markdown(key[:80])}"


def _figure(value: float | None) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else f"{value:.4f}"


def _report(opened: OpenedRun, ref: StageRef) -> dict[str, Any] | None:
    manifest = manifest_of(opened.run.root, ref)
    return None if manifest is None else dict(manifest.report)
