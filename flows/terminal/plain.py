"""Text from data (labels, keys, file names, other programs' messages) as a terminal may show it."""

import io
import sys
import unicodedata

_JOINERS = "\u200c\u200d"


def plain(text: str, *, breaks: bool = True) -> str:
    """`text` with everything that a terminal would act on, instead of showing it, written as an escape.

    That is control characters (escape sequences begin with one), marks that turn the direction of what follows, line
    separators, invisible marks (but for the joiners that some scripts and emoji need) and halves of surrogate pairs.
    breaks: keep line breaks.

    >>> plain("cat\\x1b[2J \\u202egnp.exe")
    'cat\\\\x1b[2J \\\\u202egnp.exe'
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or (breaks and char == "\n") or _harmless(char) else _escaped(char)
        for char in text
    )


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


def _harmless(char: str) -> bool:
    """Python calls joiners, wide spaces and characters that it does not know yet unprintable, too."""
    return char in _JOINERS or unicodedata.category(char) in ("Zs", "Cn", "Co")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
