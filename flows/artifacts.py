"""What Prefect shows beside a run: a table of the metrics by epoch, and a summary."""

import re
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from ..pipeline.artifacts.scores import best_epoch
from ..pipeline.plan.refs import StageRef, manifest_of
from ..pipeline.plan.stage import protocol_title
from .opened_run import OpenedRun

_METRICS = ("recall@1", "recall@2", "recall@4", "recall@8", "r_precision", "map_at_r", "nmi")
_RANKED = ("map", "cmc@1", "cmc@5", "cmc@10")
"""Only where rows have roles or groups."""
_COUNTS = ("queries", "queries_left_out", "gallery")


def artifact_key(name: str, what: str) -> str:
    """A key as Prefect wants it: lower-case letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{what}".lower()).strip("-")


def publish_metrics(opened: OpenedRun) -> None:
    """The table of validation metrics, with one more row than after the epoch before."""
    create_table_artifact(
        key=artifact_key(opened.name, "metrics"),
        table=metrics_by_epoch(opened),
        description=f"{opened.name}: validation metrics by epoch",
    )


def publish_summary(opened: OpenedRun) -> None:
    """Where the run is, its best epoch, and the test metrics."""
    create_markdown_artifact(
        key=artifact_key(opened.name, "summary"),
        markdown=summary(opened),
        description=f"{opened.name}: summary",
    )


def metrics_by_epoch(opened: OpenedRun) -> list[dict[str, Any]]:
    """One row for each evaluated epoch: its number, k (None in the warm-up), and the validation metrics.

    Those by role and group, where rows have them, are named after their protocol.
    """
    rows = []
    for epoch in opened.epochs:
        found = _report(opened, StageRef(epoch.number, "evaluate"))
        if found is None:
            continue
        mined = _report(opened, StageRef(epoch.number, "mine")) or {}
        row: dict[str, Any] = {"epoch": epoch.number, "k": mined.get("k_hardness")}
        row |= {name: found["validation"].get(name) for name in _METRICS}
        for protocol, figures in found.items():
            row |= {
                f"{protocol_title(protocol)} {name}": figures[name] for name in _RANKED if name in figures
            }
        rows.append(row)
    return rows


def summary(opened: OpenedRun) -> str:
    """Markdown: what the run is made of, and what came out."""
    spec, facts = opened.run.spec, opened.run.facts
    best = best_epoch(opened.run.root, spec)
    lines = [
        f"# {opened.name}",
        "",
        f"{facts.train:,} training rows of {facts.classes:,} classes, {facts.validation:,} for validation, "
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
            for name in (*_METRICS, *_RANKED, *_COUNTS)
            if name not in (*_RANKED, "gallery") or any(name in figures for figures in tested.values())
        ]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else f"{value:.4f}"


def _report(opened: OpenedRun, ref: StageRef) -> dict[str, Any] | None:
    manifest = manifest_of(opened.run.root, ref)
    return None if manifest is None else dict(manifest.report)
