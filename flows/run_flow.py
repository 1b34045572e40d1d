"""The run in Prefect: one flow for the run, a sub-flow for each epoch, a task for each stage.

Prefect only shows what happens. Manifests decide whether a stage must run, so Prefect's caching, results and retries
are off. Flow arguments are plain values, because Prefect writes them as JSON; open resources (run directory, executor)
stay in closures.
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
    """The flow that a schedule or deployment starts: start or continue the run of a run file.

    new_data: if the data set has changed since the last time, redo the whole run with the new data; else that is an
    error.
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
        # Prefect marks the run as failed; this line is for readers of the worker's log.
        say(f"tripletmine: {message_for(error)}", err=True)
        raise


without_results(scheduled_run)


def recorded_run(opened: OpenedRun) -> None:
    """Run, recorded in Prefect, a run that the command line has opened."""
    recording = Recording(opened.progress.note)

    def record(work: Callable[[], None]) -> None:
        @flow(name=FLOW_NAME, flow_run_name=opened.name)
        def run(run_file: dict[str, Any]) -> None:  # noqa: ARG001 — shown by Prefect
            work()

        without_results(run)
        run(resolved(opened))

    # The heartbeat thread delays the end of every flow by a second, and no environment variable turns it off.
    # Address and key are set to those of the current server, since Prefect may have been imported with others.
    with temporary_settings(
        {
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_API_URL: os.environ["PREFECT_API_URL"],
            PREFECT_API_AUTH_STRING: os.environ.get("PREFECT_API_AUTH_STRING"),
        }
    ):
        tag = f"directory:{opened.run.root}"
        # Also fails here, before any work begins, if the server refuses our requests.
        close_lost_runs(tag)
        try:
            with tags(tag):
                recording.show(record, lambda: run_and_tell(opened, recording))
        except TerminationSignal:
            # Prefect has marked the run as crashed by now; the command line treats it like any other SIGTERM.
            raise Terminated from None


def run_and_tell(opened: OpenedRun, recording: Recording) -> None:
    """Run all epochs with progress in Prefect; if the run fails, publish its error message as an artifact."""
    told = replace(opened, progress=StageProgress(opened.progress, recording))
    try:
        run_epochs(told, recording)
    except Exception as error:
        message = message_for(error)
        recording.tell(lambda: publish_failure(opened, message))
        raise


def run_epochs(opened: OpenedRun, recording: Recording) -> None:
    """Run every epoch in order, then the test; finally publish the summary as an artifact."""
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
    """Check that a finished epoch matches the run file. Nothing runs, so there is nothing for Prefect to show."""
    for stage in epoch.stages:
        opened.stage(stage, epoch)


def run_epoch(opened: OpenedRun, recording: Recording, epoch: EpochPlan) -> None:
    """Run one epoch as a sub-flow, named for example `digits epoch 2`."""

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
    """Run the evaluation on the test split as a task of the run's own flow."""
    run_as_task(recording, "test", opened.test)


def run_as_task(recording: Recording, name: str, work: Callable[[], StageResult]) -> None:
    """Run one stage as a task."""

    def record(work: Callable[[], StageResult]) -> None:
        @stage_task(name=name, task_run_name=name)
        def run() -> None:
            log_result(work())

        run()

    recording.show(record, work)


def log_epoch(opened: OpenedRun, epoch: EpochPlan) -> None:
    """Write the epoch's line, as the terminal shows it, to Prefect's log of its flow."""
    found = next(each for each in read_status(opened.run.root).epochs if each.number == epoch.number)
    get_run_logger().info("%s", plain(epoch_line(found)))


def log_result(result: StageResult) -> None:
    """Write one line about the result to Prefect's log of the task."""
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
