"""The same run without Prefect: nothing is recorded elsewhere, and a run needs no server and no `flows` extra."""

from .opened_run import OpenedRun


def run_directly(opened: OpenedRun) -> None:
    """All stages of all epochs in order, then the test."""
    for epoch in opened.epochs:
        for stage in epoch.stages:
            opened.stage(stage, epoch)
        opened.end_epoch(epoch)
    if opened.wants_test:
        opened.test()
