"""`tripletmine status`: show the progress and the metrics of a run."""

from typing import TYPE_CHECKING, Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, RunDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....pipeline.run.status import EpochStatus, RunStatus, StageStatus

_STAGES = ("embed", "graph", "mine", "train", "evaluate")


def status(
    run: RunDirectory,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the run until it is finished.")] = False,
    debug: Debug = False,
) -> None:
    """Show stages, tasks, times, sizes, k and metrics of each epoch.

    Also works while the run is in progress.
    """
    with reporting(debug):
        from ....pipeline.run.status import read_status
        from ....pipeline.runfile.load import run_root
        from ...terminal.metrics_table import metrics_tables
        from ...terminal.tables import output, size, table
        from ...terminal.watch import watch_run

        console = output()
        if watch:
            watch_run(run_root(run), console)
        found = read_status(run_root(run))
        console.print(table(("epoch", *_STAGES, "size"), [_work(epoch) for epoch in found.epochs]))
        say("stages: time (tasks); 4/12: tasks done; *: files deleted by run.keep")
        say("met: share of the mined triplets that met in a batch\n")
        for each in metrics_tables(found):
            console.print(each)
        for remark in _remarks(found):
            say(remark)
        best = "none yet" if found.best is None else f"{found.best} by {found.spec.evaluate.select}"
        say(f"best epoch on validation: {best}")
        say(f"{'finished' if found.finished else 'not finished'}, {size(found.bytes)} in {found.root}")
        if not found.finished:
            say(f"if it has stopped, tripletmine run {run if run.is_file() else 'RUN_FILE'} continues it")


def _remarks(found: "RunStatus") -> "Iterator[str]":
    """Remarks of the data set and of the stages."""
    yield from found.facts.remarks
    for epoch in found.epochs:
        for stage in epoch.stages:
            for remark in stage.report.get("remarks", ()):
                yield f"{stage.ref}: {remark}"


def _work(epoch: "EpochStatus") -> list[str]:
    from ...terminal.tables import size

    stages = {stage.ref.stage: stage for stage in epoch.stages}
    name = f"{epoch.number} warm-up" if epoch.warm_up else str(epoch.number)
    cells = [_cell(stages[stage]) if stage in stages else "" for stage in _STAGES]
    return [name, *cells, size(sum(stage.bytes for stage in epoch.stages))]


def _cell(stage: "StageStatus") -> str:
    from ...terminal.tables import duration

    match stage.state:
        case "waiting":
            return "–"
        case "begun":
            return f"{stage.tasks_done}/{stage.tasks}"
        case "damaged":
            return "damaged"
    time = "?" if stage.seconds is None else duration(stage.seconds)
    return f"{time} ({stage.tasks})" + ("*" if stage.state == "pruned" else "")
