"""Find labels that count as different classes but were probably meant to be the same."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?")
_NAMED = 3


def look_alikes(names: Iterable[object]) -> list[tuple[str, ...]]:
    """Groups of class names that differ only in form: numbers of equal value, Unicode forms of the same text.

    Repeated names count once. The groups, and the names in each, are in ascending order.

    >>> look_alikes(["1", "1.0", "01", "2", "a", "A"])
    [('01', '1', '1.0')]
    """
    groups: defaultdict[Hashable, set[str]] = defaultdict(set)
    for name in names:
        text = unicodedata.normalize("NFC", str(name).strip())
        groups[Decimal(text) if _NUMBER.fullmatch(text) else text].add(str(name))
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)


def said_alike(names: Iterable[object]) -> list[str]:
    """A list with one sentence about look-alikes, for people; empty if there are none.

    Names are written in ASCII, since two forms of an accented letter look the same.
    """
    found = look_alikes(names)
    if not found:
        return []
    some = "; ".join(" and ".join(ascii(name) for name in group) for group in found[:_NAMED])
    more = f" (and {len(found) - _NAMED} groups more)" if len(found) > _NAMED else ""
    return [
        f"labels look alike but are different classes: {some}{more}: if they are meant to be one, write them in the "
        "same form"
    ]
