"""The run in Prefect: one flow for the run, a sub-flow for each epoch, a task for each stage.

Prefect shows what happens; it decides nothing. Whether a stage must run is told by its manifest, so Prefect's
caching, results and retries are off. The flow's arguments are names and numbers only: what is open (run directory,
executor) stays in closures, since Prefect would try to write arguments as JSON.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)

from ..pipeline.plain import plain
from ..pipeline.run.epochs import EpochPlan
from ..pipeline.run.runner import StageResult
from ..pipeline.run.status import read_status
from .artifacts import publish_failure, publish_files, publish_metrics, publish_summary, resolved
from .opened_run import OpenedRun, opened_run
from .prefect_server.lost_runs import close_lost_runs
from .prefect_server.no_results import without_results
from .prefect_server.quiet_handlers import quiet_handlers
from .recording import Recording
from .served import require_served
from .stage_progress import StageProgress
from .terminal.epoch_lines import epoch_line
from .terminal.errors import message_for
from .terminal.interrupts import Terminated
from .terminal.plain import say
from .terminal.progress import TerminalProgress

FLOW_NAME = "tripletmine"

stage_task = partial(task, cache_policy=NO_CACHE, persist_result=False, retries=0)


def _file_name() -> str:
    return Path(flow_run.parameters["run_file"]).stem


@flow(name=FLOW_NAME, flow_run_name=_file_name)
def scheduled_run(run_file: str, new_data: bool = True) -> None:
    """What a schedule or a deployment starts: the run of a run file, from wherever it stands.

    new_data: where the data set has changed since the last time, all of the run is done again with what is there now;
    otherwise that is an error.
    """
    try:
        require_served(run_file, new_data=new_data)
        with (
            quiet_handlers(),
            TerminalProgress() as progress,
            opened_run(Path(run_file), progress, new_data=new_data) as opened,
        ):
            progress.follow(opened.run.root)
            run_and_tell(opened, Recording(progress.note))
    except Exception as error:
        # Prefect marks the run as failed; this line is for whoever reads the log of the worker.
        say(f"tripletmine: {message_for(error)}", err=True)
        raise


without_results(scheduled_run)


def recorded_run(opened: OpenedRun) -> None:
    """A run that the command line has opened already."""
    recording = Recording(opened.progress.note)

    def record(work: Callable[[], None]) -> None:
        @flow(name=FLOW_NAME, flow_run_name=opened.name)
        def run(run_file: dict[str, Any]) -> None:  # noqa: ARG001 — shown by Prefect
            work()

        without_results(run)
        run(resolved(opened))

    # The heartbeat thread delays the end of every flow by a second, and no environment variable turns it off.
    # Address and key are those of the server which runs now, whatever they were when Prefect was imported.
    with temporary_settings(
        {
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_API_URL: os.environ["PREFECT_API_URL"],
            PREFECT_API_AUTH_STRING: os.environ.get("PREFECT_API_AUTH_STRING"),
        }
    ):
        tag = f"directory:{opened.run.root}"
        # A server that takes nothing from us is found here, before any work begins.
        close_lost_runs(tag)
        try:
            with tags(tag):
                recording.show(record, lambda: run_and_tell(opened, recording))
        except TerminationSignal:
            # Prefect has the run down as crashed by now; for the command line it is what SIGTERM is elsewhere.
            raise Terminated from None


def run_and_tell(opened: OpenedRun, recording: Recording) -> None:
    """The run, its progress, and, where it fails, its one message beside the flow."""
    told = replace(opened, progress=StageProgress(opened.progress, recording))
    try:
        run_epochs(told, recording)
    except Exception as error:
        message = message_for(error)
        recording.tell(lambda: publish_failure(opened, message))
        raise


def run_epochs(opened: OpenedRun, recording: Recording) -> None:
    """Every epoch in order, then the test; afterwards the results are shown beside the flow."""
    for epoch in opened.epochs:
        if opened.is_committed(epoch):
            check_epoch(opened, epoch)
        else:
            run_epoch(opened, recording, epoch)
        opened.end_epoch(epoch)
    if opened.wants_test:
        run_test(opened, recording)
    opened.report()
    recording.tell(lambda: publish_summary(opened))


def check_epoch(opened: OpenedRun, epoch: EpochPlan) -> None:
    """See that a finished epoch is what the run file asks for. Nothing runs, so Prefect has nothing to show."""
    for stage in epoch.stages:
        opened.stage(stage, epoch)


def run_epoch(opened: OpenedRun, recording: Recording, epoch: EpochPlan) -> None:
    """One epoch as a sub-flow, such as `digits epoch 2`."""

    def record(work: Callable[[], None]) -> None:
        @flow(name="epoch", flow_run_name=f"{opened.name} epoch {{number}}")
        def run(number: int, warm_up: bool) -> None:  # noqa: ARG001 — shown by Prefect
            work()

        without_results(run)
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            run(epoch.number, epoch.warm_up)

    def stages() -> None:
        for stage in epoch.stages:
            run_as_task(recording, stage.name, partial(opened.stage, stage, epoch))
        recording.tell(partial(log_epoch, opened, epoch))
        recording.tell(lambda: publish_metrics(opened))
        recording.tell(lambda: publish_files(opened))

    recording.show(record, stages)


def run_test(opened: OpenedRun, recording: Recording) -> None:
    """The look at the test split, as a task of the run itself."""
    run_as_task(recording, "test", opened.test)


def run_as_task(recording: Recording, name: str, work: Callable[[], StageResult]) -> None:
    """One stage as a task."""

    def record(work: Callable[[], StageResult]) -> None:
        @stage_task(name=name, task_run_name=name)
        def run() -> None:
            log_result(work())

        run()

    recording.show(record, work)


def log_epoch(opened: OpenedRun, epoch: EpochPlan) -> None:
    """The line that a terminal shows of an epoch, in Prefect's log of its flow."""
    found = next(each for each in read_status(opened.run.root).epochs if each.number == epoch.number)
    get_run_logger().info("%s", plain(epoch_line(found)))


def log_result(result: StageResult) -> None:
    """One line in Prefect's log of the task."""
    if result.skipped:
        get_run_logger().info("%s is already there", result.ref)
    else:
        get_run_logger().info(
            "%s: %d tasks run, %d kept, %.1f MiB, %.1f s",
            result.ref,
            result.tasks_run,
            result.tasks_kept,
            result.manifest.bytes / 2**20,
            result.seconds,
        )
