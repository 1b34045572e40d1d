"""Restrict a process started by `tripletmine serve` to the run file that was served."""

import os
from collections.abc import Mapping
from pathlib import Path

from ..pipeline.errors import SpecError

_RUN_FILE = "TRIPLETMINE_SERVED_RUN_FILE"
_NEW_DATA = "TRIPLETMINE_SERVED_NEW_DATA"


def served_settings(run_file: Path, *, new_data: bool) -> dict[str, str]:
    """Environment variables that tell the started processes what is served."""
    return {_RUN_FILE: str(run_file.resolve()), _NEW_DATA: str(new_data)}


def require_served(run_file: str, *, new_data: bool, environment: Mapping[str, str] = os.environ) -> None:
    """Check that a process started by `tripletmine serve` was asked for the run file and new_data it was served with.

    Anyone who can write to the Prefect server can start a deployment with other parameters, and a run file can name
    code to execute. Processes of a work pool are not checked: they trust their server.
    Raises: SpecError, before anything is read.
    """
    served = environment.get(_RUN_FILE)
    if served is None or (run_file, str(new_data)) == (served, environment[_NEW_DATA]):
        return
    raise SpecError(
        f"this process serves run_file {served} with new_data {environment[_NEW_DATA]} but was asked for {run_file!r} "
        f"with {new_data}: serve that one itself (`tripletmine serve`)"
    )
