"""A template of Prefect's database: copying it saves the ten seconds that the migrations of a new database take.

The template is kept in this package's `__pycache__`, like compiled code: it is made when first needed, one for each
version of Prefect, may be deleted at any time, and is not kept if the package is read-only.
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
    """The path of the template for the installed version of Prefect."""
    return Path(__file__).parent / "__pycache__" / f"prefect-{version('prefect')}.db"


def prepare_database(home: Path, template: Path) -> bool:
    """Copy the template if `home` has no database. Returns whether the server will have to create one."""
    database = home / DATABASE
    if database.exists():
        return False
    if not template.exists():
        return True
    partial = database.with_suffix(".partial")
    try:
        with template.open("rb") as source, os.fdopen(open_private(partial), "wb") as target:
            shutil.copyfileobj(source, target)
    except PermissionError:  # the template belongs to another user
        return True
    partial.replace(database)
    return False


def keep_template(home: Path, template: Path) -> None:
    """Make the template from the database of a server that has just started, before anything is recorded in it."""
    partial = template.with_suffix(f".{os.getpid()}")
    # A failure costs only time: the next new run migrates its own database.
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
