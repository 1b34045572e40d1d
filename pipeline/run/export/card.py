"""The model card (README.md) of an exported encoder: its data, metrics, training and use."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from ...data.open import reads_pictures
from ...plain import as_markdown
from ...plan.stage import protocol_title
from ..status import EpochStatus, RunStatus

_FIGURES = {
    "recall@1": "R@1",
    "map_at_r": "MAP@R",
    "r_precision": "R-precision",
    "nmi": "NMI",
    "map": "mAP",
    "cmc@1": "CMC@1",
    "label_map": "label mAP",
    "verification_accuracy": "verification",
    "pair_accuracy": "pair accuracy",
    "kendall_tau": "Kendall's τ",
}

_FRONT = """---
library_name: tripletmine
tags:
- metric-learning
- feature-extraction
---
"""


def model_card(status: RunStatus, epoch: int) -> str:
    """Markdown with the front matter that model hubs read. epoch: the epoch of the encoder.

    Test metrics are included only if the test used the encoder of this epoch.
    """
    parts = [
        f"{_FRONT}\n# {as_markdown(status.spec.run.name)}",
        _what(status),
        _use(status),
        _data(status),
        _results(status, epoch),
        _training(status, epoch),
    ]
    return "\n\n".join(parts) + "\n"


def _what(status: RunStatus) -> str:
    encoder, facts = status.spec.encoder, status.facts
    length = "of length 1" if encoder.normalise else "of any length"
    normalised = "" if status.spec.evaluate.feature == "embedding" else "batch-normalised "
    item = " × ".join(map(str, facts.item_shape))
    return (
        f"An encoder ({as_markdown(facts.encoder)}) from items of shape {item} ({facts.item_dtype}) to {normalised}"
        f"vectors of {encoder.embedding_dim} float32 values {length}. Items of one class lie near each other, by "
        "Euclidean distance."
    )


def _use(status: RunStatus) -> str:
    pictures = reads_pictures(status.spec.data, status.facts.item_dtype)
    items = '["one.jpg", "two.jpg"]' if pictures else "items"
    shape = (
        "paths of image files"
        if pictures
        else f"an array (N, {', '.join(map(str, status.facts.item_shape))})"
    )
    return f"""## Use

```python
import tripletmine as tm

encoder = tm.Encoder.load(".")  # the folder of this file
vectors = encoder.encode({items})  # {shape}
```

`encoder.search(items, 10)` gives the ten nearest others of each.{_scores(status)}"""


def _scores(status: RunStatus) -> str:
    loss = status.spec.loss
    if loss.of_pairs:
        return (
            " `encoder.score(items)` gives the score that "
            f"{loss.of_pairs} trained: the better an item, the higher. Of an item with several segments take the mean."
        )
    if loss.of_labels:
        return (
            f" `encoder.score(items)` gives scores of {status.facts.classes:,} labels, the likelier, the higher, "
            f"in the order of `encoder.labels`; {loss.of_labels} trained them. `encoder.label(items)` gives the labels "
            "themselves, where the run was tested with this epoch."
        )
    return ""


def _data(status: RunStatus) -> str:
    facts, data = status.facts, status.spec.data
    lines = [
        f"{facts.train:,} rows of {facts.classes:,} classes for training, {facts.validation:,} rows for validation and "
        f'{facts.test:,} for the test (`data.kind = "{data.kind}"`, `data.split = "{data.split}"`'
        + (
            ": the classes of validation and test were not seen in training)."
            if data.split == "zero-shot"
            else ")."
        )
    ]
    lines += [f"- {as_markdown(remark)}" for remark in facts.remarks]
    lines.append(f"\nDigest of the data: `{facts.data_digest}`.")
    return "## Data\n\n" + "\n".join(lines)


def _results(status: RunStatus, epoch: int) -> str:
    galleries = {asked.name: asked for asked in status.facts.protocols}
    measured = dict(_measured(status, _epoch(status, epoch)))
    if not measured:
        return "## Results\n\nThis epoch was not evaluated."
    keys = [key for key in _FIGURES if any(key in figures for figures in measured.values())]
    lines = [
        f"| | queries | compared with | {' | '.join(_FIGURES[key] for key in keys)} |",
        f"| --- | ---: | ---: | {' | '.join('---:' for _ in keys)} |",
    ]
    for name, figures in measured.items():
        asked = galleries.get(name)
        gallery = "" if asked is None else asked.compared_with
        values = " | ".join(_figure(figures.get(key)) for key in keys)
        lines.append(f"| {protocol_title(name)} | {figures.get('queries', '')} | {gallery} | {values} |")
    return "## Results\n\nBy exact search; a query never finds itself.\n\n" + "\n".join(lines)


def _figure(value: float | None) -> str:
    """A metric as text; None, for a metric that is undefined or was not measured, is a dash."""
    return "–" if value is None else f"{value:.4f}"


def _epoch(status: RunStatus, number: int) -> EpochStatus | None:
    return next((epoch for epoch in status.epochs if epoch.number == number), None)


def _measured(status: RunStatus, epoch: EpochStatus | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if epoch is None:
        return
    if epoch.validation:
        yield "validation", epoch.validation
    yield from epoch.protocols.items()
    if status.test is not None and status.best == epoch.number:
        yield from status.test.report.items()


def _training(status: RunStatus, number: int) -> str:
    spec = status.spec
    losses = ", ".join(f"{name} × {weight:g}" for name, weight in spec.loss.weights.items())
    lines = [
        f"- Epoch {number} (from 0) of {spec.run.epochs}, seed {spec.run.seed}; losses by weight: {losses}.",
        *_mined(_epoch(status, number), ranked=spec.loss.of_pairs is not None),
        f"- Written by tripletmine {version('tripletmine')}.",
    ]
    return "## How it was trained\n\n" + "\n".join(lines)


def _mined(epoch: EpochStatus | None, *, ranked: bool) -> Iterator[str]:
    reports = {} if epoch is None else {stage.ref.stage: stage.report for stage in epoch.stages}
    graph, mine = reports.get("graph") or {}, reports.get("mine") or {}
    if not mine:
        yield (
            "- No pairs were mined for this epoch: it was trained on random pairs."
            if ranked
            else "- No triplets were mined for this epoch: it was trained on class-balanced batches."
        )
        return
    counts = mine["counts"]
    if ranked:
        yield (
            f"- Pairs mined over the whole training split before this epoch: {counts['pairs']:,} of the "
            f"{counts['violating']:,} that violated the margin, of {counts['known']:,} that are known; hardness k = "
            f"{mine['k_hardness']:.3f}."
        )
        return
    yield (
        f"- Triplets mined over the whole training split before this epoch: {counts['triplets']:,}, of "
        f"{counts['anchors']:,} anchors, {mine['coverage']:.1%} of which have one; hardness k = "
        f"{mine['k_hardness']:.3f}."
    )
    if graph:
        recall = (
            f", recall {graph['recall']:.4f} on {graph['recall_rows']:,} rows"
            if "recall_rows" in graph
            else ""
        )
        yield f"- Neighbours: {graph['neighbours']} a row by {graph['method']}{recall}."
