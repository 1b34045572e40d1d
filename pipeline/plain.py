"""Text from data (labels, keys, file names, other programs' messages) as a terminal or Markdown may show it."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$])")


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


def as_markdown(text: str) -> str:
    """`text` on one line of Markdown, in which nothing of it is markup. See `plain`.

    >>> as_markdown("<b>*cat*")
    '\\\\<b\\\\>\\\\*cat\\\\*'
    """
    return _MARKUP.sub(r"\\\1", plain(" ".join(text.splitlines()), breaks=False))


def _harmless(char: str) -> bool:
    """Python calls joiners, wide spaces and characters that it does not know yet unprintable, too."""
    return char in _JOINERS or unicodedata.category(char) in ("Zs", "Cn", "Co")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
