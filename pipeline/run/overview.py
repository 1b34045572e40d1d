"""Plan a run without starting it, for `tripletmine check`."""

from dataclasses import dataclass

from ..plan.refs import StageRef
from ..plan.stage import RunFacts
from ..plan.work import Plan
from ..runfile.run_spec import RunSpec
from ..stages.evaluate import test_stage
from .epochs import TEST, plan_epochs, wants_test
from .prepare import describe_data


@dataclass(frozen=True, slots=True)
class StageOverview:
    """One stage of one epoch. plan: its phases with their tasks, memory per task in MiB, and bytes written to disk."""

    ref: StageRef
    plan: Plan


@dataclass(frozen=True, slots=True)
class RunOverview:
    """The resolved run with the plan of each stage."""

    spec: RunSpec
    facts: RunFacts
    stages: tuple[StageOverview, ...]

    @property
    def disk_bytes(self) -> int:
        """The most disk space that the run takes at any time, given what run.keep deletes."""
        keep = self.spec.run.keep
        limits = {"embed": keep.embeddings, "graph": keep.graph, "mine": keep.triplets, "train": 2}
        total = 0
        for name in {stage.ref.stage for stage in self.stages}:
            sizes = [stage.plan.disk_bytes for stage in self.stages if stage.ref.stage == name]
            limit = limits.get(name, "all")
            # One more than is kept: the old one is deleted after the new one is written.
            total += sum(sizes if limit == "all" else sizes[: int(limit) + 1])
        return total


def overview(spec: RunSpec) -> RunOverview:
    """Plan a run without writing anything. Raises: whatever the plans and the data set raise."""
    facts = describe_data(spec)
    stages = [
        StageOverview(
            StageRef(epoch.number, stage.name), stage.plan(spec, facts, StageRef(epoch.number, stage.name))
        )
        for epoch in plan_epochs(spec)
        for stage in epoch.stages
    ]
    if wants_test(spec, facts):
        stages.append(StageOverview(TEST, test_stage(0).plan(spec, facts, TEST)))
    return RunOverview(spec, facts, tuple(stages))
