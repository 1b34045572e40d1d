"""Print plain text, whatever the encoding of the terminal."""

import io
import sys

from ...pipeline.plain import plain


def print_anywhere() -> None:
    """Write characters that the encoding of stdout or stderr lacks (ASCII, Latin-1) as escapes from now on.

    Call it once at the start of the process; it also covers tracebacks. The encoding stays the same.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str, *, err: bool = False) -> None:
    """Print a line of plain text, on standard output or standard error."""
    # Not typer.echo: click takes an ASCII terminal for a mistake and writes UTF-8 to it.
    print(plain(text), file=sys.stderr if err else sys.stdout, flush=True)
