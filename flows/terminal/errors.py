"""One place that turns an error into one clear message and an exit code."""

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
"""As a shell reports a process that Ctrl-C ended."""
TERMINATED = 143
"""As a shell reports a process that SIGTERM ended."""

_EXPECTED = (PipelineError, InputError, ModelError)

# What the base install leaves out, by the name under which it is imported.
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
    """Every command runs in this block: an error becomes one message on stderr and exit code 1.

    With `debug` the traceback comes before the message. again: the command that continues what Ctrl-C or SIGTERM
    broke off, where there is something to continue.
    """
    try:
        with interruptible():
            yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt as error:
        # Zarr's event loop was broken off in mid-work: no news to anybody, and it would be told after our last word.
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
    """What a person needs to know about an error: what is wrong, and what to do. Without secrets of URLs in it."""
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
        # Of a path: what is printed and what is written as text goes through whatever the locale is.
        return (
            f"{error.object!r} cannot be the name of a file here, where the locale's encoding is {error.encoding}: set "
            "PYTHONUTF8=1, or LC_ALL=C.UTF-8"
        )
    # httpx' error, by its form: importing its library only to ask for its type would cost half a second.
    if getattr(getattr(error, "response", None), "status_code", None) in (401, 403):
        return (
            "the Prefect server refuses us: set PREFECT_API_AUTH_STRING (or PREFECT_API_KEY for Prefect Cloud) to what "
            "it was started with, or use --no-prefect"
        )
    return f"unexpected {type(error).__name__}: {error} (--debug shows the traceback; please report it)"
