"""A new Prefect database costs ten seconds of migrations; a copy of one that was just migrated costs none.

The copy lies in this package's `__pycache__`, as compiled code does: made when first needed, one for each version
of Prefect, deleted without loss, and left out where the package cannot be written to.
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from .private_files import open_private

DATABASE = "prefect.db"


def template_path() -> Path:
    """Where the empty, migrated database of the installed Prefect is kept."""
    return Path(__file__).parent / "__pycache__" / f"prefect-{version('prefect')}.db"


def prepare_database(home: Path, template: Path) -> bool:
    """Copy the template where `home` has no database; whether a server will have to make one from nothing."""
    database = home / DATABASE
    if database.exists():
        return False
    if not template.exists():
        return True
    partial = database.with_suffix(".partial")
    try:
        with template.open("rb") as source, os.fdopen(open_private(partial), "wb") as target:
            shutil.copyfileobj(source, target)
    except PermissionError:  # where another user keeps it to himself
        return True
    partial.replace(database)
    return False


def keep_template(home: Path, template: Path) -> None:
    """Copy the database of a server that has just started, before anything is recorded in it."""
    partial = template.with_suffix(f".{os.getpid()}")
    # Nothing is lost where this cannot be written: the next new run migrates its own.
    with suppress(OSError, sqlite3.Error):
        template.parent.mkdir(exist_ok=True)
        try:
            with (
                closing(sqlite3.connect(home / DATABASE)) as source,
                closing(sqlite3.connect(partial)) as target,
            ):
                source.backup(target)
            partial.replace(template)
        finally:
            partial.unlink(missing_ok=True)
