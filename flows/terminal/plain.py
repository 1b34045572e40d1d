"""What is printed: plain text, whatever the encoding of the terminal."""

import io
import sys

from ...pipeline.plain import plain


def print_anywhere() -> None:
    """From now on what the encoding of a terminal or file (ASCII, Latin-1) lacks is written as an escape.

    Once, where the process begins: all that prints uses these streams, tracebacks too. Their encoding stays.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str, *, err: bool = False) -> None:
    """Print a line of plain text, on standard output or standard error."""
    # click, and so typer, takes an ASCII terminal for a mistake, and writes UTF-8 into it.
    print(plain(text), file=sys.stderr if err else sys.stdout, flush=True)
