"""What a process that `tripletmine serve` starts may be asked for: nothing but what was served."""

import os
from collections.abc import Mapping
from pathlib import Path

from ..pipeline.errors import SpecError

_RUN_FILE = "TRIPLETMINE_SERVED_RUN_FILE"
_NEW_DATA = "TRIPLETMINE_SERVED_NEW_DATA"


def served_settings(run_file: Path, *, new_data: bool) -> dict[str, str]:
    """Environment of the processes that run what is served here."""
    return {_RUN_FILE: str(run_file.resolve()), _NEW_DATA: str(new_data)}


def require_served(run_file: str, *, new_data: bool, environment: Mapping[str, str] = os.environ) -> None:
    """Whoever may write to the Prefect server can ask a deployment for a run with parameters of his own, and a run file
    names code. So a served one takes only those that it was served with; one of a work pool takes what its server says.

    Raises: SpecError, before anything is read.
    """
    served = environment.get(_RUN_FILE)
    if served is None or (run_file, str(new_data)) == (served, environment[_NEW_DATA]):
        return
    raise SpecError(
        f"this process serves run_file {served} with new_data {environment[_NEW_DATA]} but was asked for {run_file!r} "
        f"with {new_data}: serve that one itself (`tripletmine serve`)"
    )
