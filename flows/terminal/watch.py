"""`status --watch`: follow a run in another process, or on another machine, as its own terminal shows it."""

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ...pipeline.run.status import RunStatus, read_status
from .epoch_lines import epoch_table, seconds_left
from .progress import new_epochs
from .tables import duration

WATCH_SECONDS = 2.0
"""Time between two looks at the run directory."""

_OTHER_LINES = 5
"""Screen lines besides the epochs: head and rule of the table, and the line below it."""


def watch_run(root: Path, console: Console, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Show the epochs of a run until it is finished: a live table on a terminal, else a line for each new epoch.

    pause: sleeps for a number of seconds. Raises: PipelineError if the folder is not a run.
    """
    found = read_status(root)
    if console.is_interactive:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while not found.finished:
                rows = max(console.height - _OTHER_LINES, 1)
                live.update(Group(epoch_table(found, rows), Text(at_work(found))), refresh=True)
                pause(WATCH_SECONDS)
                found = read_status(root)
        return
    before = None
    while True:
        for line in new_epochs(before, found):
            console.print(line)
        if found.finished:
            return
        before = found
        pause(WATCH_SECONDS)
        found = read_status(root)


def at_work(found: RunStatus) -> str:
    """The current stages and the time left, as `train of epoch 3: 0 of 1 tasks; the run has about 2 min 10 s left`."""
    begun = [stage for stage in found.stages if stage.state == "begun"]
    left = seconds_left(found)
    whole = "" if left is None else f"the run has about {duration(left)} left"
    told = [f"{stage.ref}: {stage.tasks_done} of {stage.tasks} tasks" for stage in begun]
    return "; ".join([*told, *([whole] if whole else [])]) or "no stage has begun"
