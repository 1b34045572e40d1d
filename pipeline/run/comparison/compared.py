"""Runs side by side: figures, the settings in which they differ, and what speaks against comparing them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...artifacts.record import read_run_file
from ...plan.stage import protocol_title
from ...runfile.run_spec import RunSpec
from ...runfile.section import Section
from ..status import RunStatus, StageStatus, read_status

METRICS = {
    "map_at_r": "MAP@R",
    "recall@1": "R@1",
    "map": "mAP",
    "cmc@1": "CMC@1",
    "label_map": "label mAP",
    "verification_accuracy": "verification",
    "pair_accuracy": "pair accuracy",
    "kendall_tau": "Kendall's τ",
}
"""Of each protocol, those that it has: key → title. The others are in `tripletmine status`."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One run. name: its own, with its place where another has the same: `digits (2)`. record: what run.json says."""

    name: str
    status: RunStatus
    record: Mapping[str, Any]

    @property
    def stages(self) -> tuple[StageStatus, ...]:
        """All stages, the test at the end included."""
        stages = tuple(each for epoch in self.status.epochs for each in epoch.stages)
        return (*stages, self.status.test) if self.status.test else stages

    @property
    def damaged(self) -> bool:
        """Whether what a stage says of itself cannot be read."""
        return any(each.state == "damaged" for each in self.stages)

    def total(self, stage: str, key: str) -> int | None:
        """The sum of a count that a stage reports, over all epochs; None where none has it (yet), or one is damaged.

        key: as in "counts.triplets".
        """
        stages = [each for each in self.stages if each.ref.stage == stage]
        counts = [_at(each.report, key) for each in stages]
        if any(each.state == "damaged" for each in stages) or all(count is None for count in counts):
            return None
        return sum(count for count in counts if count is not None)

    @property
    def seconds(self) -> float | None:
        """Time of the stages that are finished; None where one is damaged, or the journal has lost its time."""
        spent = [each.seconds for each in self.stages if each.state in ("committed", "pruned")]
        return None if self.damaged or None in spent else sum(each for each in spent if each is not None)

    @property
    def protocols(self) -> dict[str, Mapping[str, Any]]:
        """Name → metrics: those of the test where it was made, then those of the best epoch's validation."""
        found = dict(self.status.test.report) if self.status.test else {}
        best = next((epoch for epoch in self.status.epochs if epoch.number == self.status.best), None)
        return found if best is None else {**found, "validation": best.validation}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the comparison: a value for each run, None where it has none. kind: how it is to be read."""

    title: str
    kind: Literal["metric", "count", "seconds"]
    values: tuple[float | None, ...]

    @property
    def differences(self) -> tuple[float | None, ...]:
        """Of a metric: the first run's value less that of each other run."""
        first, *others = self.values
        if self.kind != "metric":
            return (None,) * len(others)
        return tuple(None if first is None or other is None else first - other for other in others)


@dataclass(frozen=True, slots=True)
class Setting:
    """A result key that is not the same in all runs, JSON-ready values in the order of the runs."""

    key: str
    values: tuple[Any, ...]


def read_runs(roots: Sequence[Path]) -> tuple[Compared, ...]:
    """The runs in these directories, as far as they have come. Raises: SpecError and CorruptError, as `read_status`."""
    read = [(read_status(root), read_run_file(root)) for root in roots]
    names = [status.spec.run.name for status, _ in read]
    told = [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]
    return tuple(Compared(name, *each) for name, each in zip(told, read, strict=True))


def lines_of(runs: Sequence[Compared]) -> Iterator[Line]:
    """What the runs have reached and what it took, the test first."""
    protocols = dict.fromkeys(name for run in runs for name in run.protocols)
    for protocol in sorted(protocols, key=lambda name: name == "validation"):
        found = [run.protocols.get(protocol, {}) for run in runs]
        for key, title in METRICS.items():
            values = tuple(metrics.get(key) for metrics in found)
            if any(value is not None for value in values):
                yield Line(f"{protocol_title(protocol)} {title}", "metric", values)
    yield Line("best epoch", "count", tuple(run.status.best for run in runs))
    yield Line("images trained on", "count", tuple(run.total("train", "images") for run in runs))
    yield Line("triplets mined", "count", tuple(run.total("mine", "counts.triplets") for run in runs))
    yield Line("that met in a batch", "count", tuple(run.total("train", "mined_met") for run in runs))
    yield Line("time of all stages", "seconds", tuple(run.seconds for run in runs))


def settings_that_differ(specs: Sequence[RunSpec]) -> tuple[Setting, ...]:
    """The result keys in which run files differ, in the order of the run file."""
    keys = dict.fromkeys(key for spec in specs for key in _result_keys(spec))
    dumped = [spec.model_dump(mode="json") for spec in specs]
    found = [Setting(key, tuple(_at(each, key) for each in dumped)) for key in keys]
    return tuple(each for each in found if any(value != each.values[0] for value in each.values))


def _result_keys(spec: RunSpec) -> Iterator[str]:
    for name in type(spec).model_fields:
        part = getattr(spec, name)
        if isinstance(part, Section):
            yield from _paths(part, name)


def _paths(section: Section, prefix: str) -> Iterator[str]:
    """As in "mine.guards.duplicate_sq". A key of an open table, as encoder.arguments, is shown as the whole table."""
    for name in section.result_keys():
        part = getattr(section, name)
        if isinstance(part, Section):
            yield from _paths(part, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}"


def _at(values: Mapping[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values.get(part, {})
    return None if values == {} else values
