"""A folder that appears whole, or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import SpecError


def require_new_folder(out: Path) -> None:
    """Raises: SpecError where `out` is a file, or a folder that holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SpecError(f"{out} exists already: choose another folder with --out, or remove it")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` that is named `out` when the block ends, and is gone where it fails.

    What a killed process left there goes first. Raises: as `require_new_folder`.
    """
    require_new_folder(out)
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.replace(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """A folder in `folder`, called like no other before it, for as long as the block lasts."""
    scratch = folder / f".scratch-{secrets.token_hex(8)}"
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
