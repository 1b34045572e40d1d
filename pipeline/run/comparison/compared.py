"""Metrics of several runs side by side, and the settings in which the runs differ."""

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
"""Metrics that are compared, key → title, as far as a protocol has them. `tripletmine status` shows the others."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One run. name: run.name, numbered if several runs share it: `digits (2)`. record: content of run.json."""

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
        """Whether the manifest of any stage cannot be read."""
        return any(each.state == "damaged" for each in self.stages)

    def total(self, stage: str, key: str) -> int | None:
        """The sum over all epochs of a count in a stage's report; None if no epoch has it (yet), or one is damaged.

        key: as in "counts.triplets".
        """
        stages = [each for each in self.stages if each.ref.stage == stage]
        counts = [_at(each.report, key) for each in stages]
        if any(each.state == "damaged" for each in stages) or all(count is None for count in counts):
            return None
        return sum(count for count in counts if count is not None)

    @property
    def seconds(self) -> float | None:
        """Total time of the finished stages; None if a stage is damaged, or its time is missing in the journal."""
        spent = [each.seconds for each in self.stages if each.state in ("committed", "pruned")]
        return None if self.damaged or None in spent else sum(each for each in spent if each is not None)

    @property
    def protocols(self) -> dict[str, Mapping[str, Any]]:
        """Name → metrics: of the test if it was run, then of the best epoch's validation."""
        found = dict(self.status.test.report) if self.status.test else {}
        best = next((epoch for epoch in self.status.epochs if epoch.number == self.status.best), None)
        return found if best is None else {**found, "validation": best.validation}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the comparison: a value for each run, None if it has none. kind: the kind of value."""

    title: str
    kind: Literal["metric", "count", "seconds"]
    values: tuple[float | None, ...]

    @property
    def differences(self) -> tuple[float | None, ...]:
        """For a metric, the first run's value minus that of each other run; for other kinds None."""
        first, *others = self.values
        if self.kind != "metric":
            return (None,) * len(others)
        return tuple(None if first is None or other is None else first - other for other in others)


@dataclass(frozen=True, slots=True)
class Setting:
    """A result key with different values; values: JSON-ready, in the order of the runs."""

    key: str
    values: tuple[Any, ...]


def read_runs(roots: Sequence[Path]) -> tuple[Compared, ...]:
    """Read the runs in these directories, finished or not. Raises: SpecError and CorruptError, as `read_status`
    does."""
    read = [(read_status(root), read_run_file(root)) for root in roots]
    names = [status.spec.run.name for status, _ in read]
    told = [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]
    return tuple(Compared(name, *each) for name, each in zip(told, read, strict=True))


def lines_of(runs: Sequence[Compared]) -> Iterator[Line]:
    """The lines of the comparison: metrics, those of the test first, then counts and times."""
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
    """The dotted result keys of a section, as "mine.guards.duplicate_sq". An open table, as encoder.arguments, is one
    key."""
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
