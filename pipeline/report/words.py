"""Prepare users' texts for a page: make invisible characters visible, and cut long texts."""

import unicodedata

_SYMBOLS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
_DIRECTIONS = {
    *range(0x202A, 0x202F),  # embeddings and overrides
    *range(0x2066, 0x206A),  # isolates
    *(0x200E, 0x200F, 0x061C),  # marks
}
SHOWN = 300
"""Maximum number of characters shown of a key, label or text."""


def clean(text: str) -> str:
    """The text with symbols for control characters and for characters that change the writing direction.

    >>> clean("a\\0b\\n\\u202ec")
    'a␀b␊�c'
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    code = ord(character)
    if code in _SYMBOLS:
        return _SYMBOLS[code]
    if code in _DIRECTIONS or unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn"):
        return "\ufffd"
    return character


def tail(text: str, limit: int = 40) -> str:
    """The end of a long key, since the end of a path says most.

    >>> tail("pictures/2024/birds/heron/0001.png", 16)
    '…heron/0001.png'
    """
    return text if len(text) <= limit else f"…{text[1 - limit :]}"


def short(text: str, limit: int = SHOWN) -> str:
    """The first `limit` characters of a longer text, and its length.

    >>> short("abcdef", 4)
    'abcd… (6 characters)'
    """
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"
