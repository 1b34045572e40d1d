"""Make text from outside (labels, keys, file names, other programs' messages) safe for a terminal or Markdown."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$])")


def plain(text: str, *, breaks: bool = True) -> str:
    """`text` with every character that a terminal would act on, or not show, written as an escape.

    Escaped are control characters (escape sequences begin with one), direction marks, line separators, invisible
    marks (except the joiners that some scripts and emoji need) and halves of surrogate pairs.
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


def as_markdown(text: str) -> str:
    """`text` on one line, escaped so that Markdown shows it literally. See `plain`.

    >>> as_markdown("<b>*cat*")
    '\\\\<b\\\\>\\\\*cat\\\\*'
    """
    return _MARKUP.sub(r"\\\1", plain(" ".join(text.splitlines()), breaks=False))


def _harmless(char: str) -> bool:
    """Whether to show the character although Python calls it unprintable: joiners, wide spaces, unassigned ones."""
    return char in _JOINERS or unicodedata.category(char) in ("Zs", "Cn", "Co")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
