"""Tables and figures as all commands print them."""

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.filesize import pick_unit_and_suffix
from rich.table import Table
from rich.text import Text

from ...pipeline.plain import plain

_WIDE = 160
"""Line width for output into a file or pipe, wide enough that nothing is cut off."""


def output() -> Console:
    """The console for results: standard output, without colours if it is not a terminal."""
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else _WIDE)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> Table:
    """A plain table; the first `left` columns hold text, the others figures."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, title in enumerate(titles):
        drawn.add_column(title, justify="left" if place < left else "right", no_wrap=place >= left)
    for row in rows:
        # As Text, so that data cannot act as markup or control the terminal.
        drawn.add_row(*(Text(plain(cell, breaks=False)) for cell in row))
    return drawn


def size(number: int) -> str:
    """A number of bytes in a suitable unit."""
    unit, suffix = pick_unit_and_suffix(number, ["B", "KiB", "MiB", "GiB", "TiB"], 1024)
    return f"{number / unit:.{0 if unit == 1 else 1}f} {suffix}"


def duration(seconds: float) -> str:
    """`3.1 s`, `4 min 10 s` or `2 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def figure(value: float | None, digits: int = 4) -> str:
    """A float with `digits` decimals, a count as a whole number, or a dash for None."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"
