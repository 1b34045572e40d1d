"""Labels that are two classes, and look as if they were meant to be one."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?")
_NAMED = 3


def look_alikes(names: Iterable[object]) -> list[tuple[str, ...]]:
    """Groups of names that differ in nothing but their form: numbers of one value, and Unicode of one text.

    names: of classes; each counts once. Ascending, as are the names of a group.

    >>> look_alikes(["1", "1.0", "01", "2", "a", "A"])
    [('01', '1', '1.0')]
    """
    groups: defaultdict[Hashable, set[str]] = defaultdict(set)
    for name in names:
        text = unicodedata.normalize("NFC", str(name).strip())
        groups[Decimal(text) if _NUMBER.fullmatch(text) else text].add(str(name))
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)


def said_alike(names: Iterable[object]) -> list[str]:
    """One sentence about look-alikes, for people; none where there are none.

    Names are written in ASCII, as the two forms of an accented letter look the same.
    """
    found = look_alikes(names)
    if not found:
        return []
    some = "; ".join(" and ".join(ascii(name) for name in group) for group in found[:_NAMED])
    more = f" (and {len(found) - _NAMED} groups more)" if len(found) > _NAMED else ""
    return [
        f"labels look alike and are classes of their own: {some}{more}: where they are meant to be one, write them in "
        "one form"
    ]
