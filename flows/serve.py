"""Run on a schedule: this process waits and starts each due run as a separate process."""

import re
from datetime import timedelta
from pathlib import Path

from ..pipeline.errors import SpecError
from .environment import environment
from .served import served_settings

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EVERY = re.compile(r"(?:\d+[smhdw])+")


def parse_every(text: str) -> timedelta:
    """Parse a duration such as `90s`, `30m`, `1h`, `1h30m`, `1d` or `2w`.

    Raises: SpecError for anything else, and for a duration of zero.
    """
    if not _EVERY.fullmatch(text):
        raise SpecError(
            f"--every is {text!r} but must be a number with a unit (s, m, h, d, w): write for example 1h"
        )
    parts = re.findall(r"(\d+)([smhdw])", text)
    duration = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in parts), timedelta())
    if not duration:
        raise SpecError(f"--every is {text!r} but must be longer than zero: write for example 1h")
    return duration


def require_cron(text: str) -> None:
    """Raises: SpecError if Prefect does not accept this as a cron expression. Imports Prefect."""
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    try:
        CronSchedule(cron=text)
    except ValidationError:
        raise SpecError(
            f'--cron is {text!r}, which is not a cron expression: write for example "0 3 * * *" for three at night'
        ) from None


def serve_run(
    run_file: Path, name: str, *, cron: str | None, every: timedelta | None, new_data: bool
) -> None:
    """Serve the run until the process is interrupted. Prefect's settings must be in the environment.

    A run that is due while another is in progress is skipped, since both would need the same run directory.
    new_data: see `scheduled_run`.
    """
    from prefect.types.entrypoint import EntrypointType

    from .run_flow import scheduled_run

    with environment(served_settings(run_file, new_data=new_data)):
        scheduled_run.serve(
            name=name,
            cron=cron,
            interval=every,
            parameters={"run_file": str(run_file.resolve()), "new_data": new_data},
            limit=1,
            global_limit=1,
            # A file path would break the package's relative imports.
            entrypoint_type=EntrypointType.MODULE_PATH,
            print_starting_message=False,
        )
