"""Errors for running out of memory that name the setting to lower."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .errors import ModelError


@contextmanager
def memory_errors(doing: str, key: str) -> Iterator[None]:
    """Turn out-of-memory errors, of a GPU or the CPU, into a ModelError that says which key to lower."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(f"out of GPU memory while {doing}: lower {key} ({_first_line(error)})") from error
    except MemoryError as error:
        raise ModelError(f"out of memory while {doing}: lower {key}") from error
    except RuntimeError as error:
        # The CPU allocator has no exception type of its own.
        if "can't allocate memory" not in str(error):
            raise
        raise ModelError(f"out of memory while {doing}: lower {key} ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
