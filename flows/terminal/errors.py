"""Turn errors into one clear message and an exit code."""

import errno
import shlex
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from ...mining.errors import InputError
from ...models.errors import ModelError
from ...pipeline.errors import PipelineError
from ...pipeline.redact import redacted
from .interrupts import Terminated, interruptible
from .plain import say

FAILED = 1
INTERRUPTED = 130
"""Exit code with which shells report a process ended by Ctrl-C."""
TERMINATED = 143
"""Exit code with which shells report a process ended by SIGTERM."""

_EXPECTED = (PipelineError, InputError, ModelError)

# Packages that the base install lacks, by import name.
_EXTRAS = frozenset(
    {"dask", "distributed", "fsspec", "PIL", "prefect", "safetensors", "sklearn", "torch", "uvicorn"}
)

_REMEDIES = {
    errno.ENOSPC: "free some space (`tripletmine check` says how much a run needs), then start it again",
    errno.EDQUOT: "free some space or raise the quota, then start it again",
    errno.EROFS: "make it writable again, or choose another directory",
    errno.EACCES: "give this user the permission, or choose another directory",
    errno.EPERM: "give this user the permission, or choose another directory",
    errno.ELOOP: "put the file back in place of the link (of a run: `tripletmine verify RUN --repair`)",
    errno.EISDIR: "put the file back in place of the folder (of a run: `tripletmine verify RUN --repair`)",
    errno.ENOTDIR: "a file lies where a folder should be: move it away, or correct the path",
    errno.ENOENT: "correct the path, make the folder, or mount its disk",
    errno.ESTALE: "mount its file system again",
}


@contextmanager
def reporting(debug: bool, again: Sequence[str] = ()) -> Iterator[None]:
    """The block in which every command runs: an error becomes one message on stderr and exit code 1.

    debug: print the traceback before the message. again: arguments of the command that continues after Ctrl-C or
    SIGTERM; empty if there is nothing to continue.
    """
    try:
        with interruptible():
            yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt as error:
        # Zarr's interrupted event loop would print this warning after our last message.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        goes_on = f"; `{shlex.join(['tripletmine', *again])}` continues where it stopped" if again else ""
        say(f"tripletmine: interrupted{goes_on}", err=True)
        raise typer.Exit(TERMINATED if isinstance(error, Terminated) else INTERRUPTED) from None
    except Exception as error:
        if debug:
            traceback.print_exception(error)
        say(f"tripletmine: {message_for(error)}", err=True)
        raise typer.Exit(FAILED) from None


def message_for(error: Exception) -> str:
    """The message for an error: what is wrong and what to do, with secrets in URLs redacted."""
    return redacted(_message(error))


def _message(error: Exception) -> str:
    if isinstance(error, _EXPECTED):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in _EXTRAS:
        instead = " (`run --no-prefect` needs no Prefect)" if error.name == "prefect" else ""
        return f"this needs {error.name}, which is not installed: pip install 'tripletmine[all]'{instead}"
    if isinstance(error, OSError) and error.errno is not None:
        subject = f"{error.filename}: " if error.filename else ""
        remedy = _REMEDIES.get(error.errno, "--debug shows where it happened")
        return f"{subject}{error.strerror}: {remedy}"
    if isinstance(error, UnicodeEncodeError):
        # It can only come from a path: printed and written text does not depend on the locale.
        return (
            f"{error.object!r} cannot be the name of a file here, where the locale's encoding is {error.encoding}: set "
            "PYTHONUTF8=1, or LC_ALL=C.UTF-8"
        )
    # An error of httpx, recognised by its attributes: importing httpx for its type would cost half a second.
    if getattr(getattr(error, "response", None), "status_code", None) in (401, 403):
        return (
            "the Prefect server refuses the login: set PREFECT_API_AUTH_STRING (or PREFECT_API_KEY for Prefect Cloud) "
            "to the key it was started with, or use --no-prefect"
        )
    return f"unexpected {type(error).__name__}: {error} (--debug shows the traceback; please report it)"
