"""`tripletmine run`: start a run, or continue it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, RunFile

if TYPE_CHECKING:
    from ...opened_run import OpenedRun


def run(
    run_file: RunFile,
    from_stage: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE",
            help="Redo from this stage on; the old results are kept aside until the new ones are complete. "
            "Redoing the very first stage accepts changed data.",
        ),
    ] = None,
    epoch: Annotated[int | None, typer.Option(metavar="N", help="Epoch of --from-stage.")] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE", help="serial, local, or a Dask scheduler's address; overrides [cluster]."
        ),
    ] = None,
    prefect: Annotated[
        bool,
        typer.Option("--prefect/--no-prefect", help="Record the run in Prefect, or run without it."),
    ] = True,
    debug: Debug = False,
) -> None:
    """Start a run, or continue it where it stopped.

    Finished stages are skipped; an interrupted stage continues with its remaining tasks.
    """
    # The command that continues after Ctrl-C omits --from-stage: the redo has begun and must not begin again.
    again = ["run", str(run_file), *([] if executor is None else ["--executor", executor])]
    with reporting(debug, again if prefect else [*again, "--no-prefect"]):
        from ....pipeline.plan.refs import StageRef
        from ...opened_run import opened_run
        from ...terminal.progress import TerminalProgress

        new_data = _from_the_first(run_file, from_stage, epoch)
        redone = None if from_stage is None else StageRef(epoch, from_stage)
        with (
            TerminalProgress() as progress,
            opened_run(run_file, progress, executor=executor, new_data=new_data, redone=redone) as opened,
        ):
            _set_aside(opened, from_stage, epoch)
            progress.follow(opened.run.root)
            # A finished run is only checked: there is nothing for Prefect to show.
            if prefect and not opened.is_finished:
                _run_in_prefect(opened, debug)
            else:
                from ...direct import run_directly

                run_directly(opened)
        _tell_results(opened)


def _from_the_first(run_file: Path, stage: str | None, epoch: int | None) -> bool:
    """Whether the redo starts at the very first stage: only then, with no old result left, can the data be new ones."""
    from ....pipeline.plan.refs import StageRef
    from ....pipeline.run.epochs import all_refs
    from ....pipeline.runfile.load import load_spec

    return stage is not None and StageRef(epoch, stage) == all_refs(load_spec(run_file))[0]


def _set_aside(opened: "OpenedRun", from_stage: str | None, epoch: int | None) -> None:
    from ....pipeline.errors import SpecError
    from ....pipeline.plan.stage_folder import set_aside
    from ....pipeline.run.epochs import all_refs
    from ....pipeline.run.redo import from_stage as stages_from
    from ....pipeline.run.redo import require_parents

    if from_stage is None:
        if epoch is not None:
            raise SpecError(f"--epoch is {epoch} but --from-stage is missing: say from which stage to redo")
        return
    refs = stages_from(all_refs(opened.run.spec), from_stage, epoch)
    require_parents(opened.run, refs)
    moved = set_aside(opened.run.root, refs)
    if moved:  # empty if the data had changed: opening the run has set everything aside already
        opened.progress.note(f"redoing {len(moved)} stages from {refs[0]} on")


def _run_in_prefect(opened: "OpenedRun", debug: bool) -> None:
    from ...prefect_server.server import prefect_api

    with prefect_api(opened.run.root, debug=debug, meanwhile=_import_slow_modules):
        from ...run_flow import recorded_run

        recorded_run(opened)


def _import_slow_modules() -> None:
    """Import torch and Prefect while the server starts."""
    from ....models.train import trainer as training  # noqa: F401
    from ... import run_flow  # noqa: F401


def _tell_results(opened: "OpenedRun") -> None:
    """Print the metrics, the run directory and the next commands."""
    from ....pipeline.run.status import read_status
    from ...terminal.metrics_table import metrics_tables
    from ...terminal.tables import output

    root = opened.run.root
    found = read_status(root)
    for table in metrics_tables(found):
        output().print(table)
    say(f"results: {root}")
    say(f"next:    tripletmine status {root}")
    if opened.run.spec.encoder.learns:
        say(f"         tripletmine export {root} --out {opened.name}-encoder")
    else:
        say(f"         tripletmine inspect {root}")
