"""Defaults shared by functions, the run file and the command line, other than fields of settings classes."""

NEIGHBOURS = 150
"""K, the number of neighbours kept per row."""

RECALL_TARGET = 0.99
"""Share of the true neighbours that a search must find."""

SAMPLE_ROWS = 1000
"""Rows to measure recall on. At K = 100 and recall 0.99 its standard error is then about 0.0006."""

AUDIT_SAMPLE = 2000
"""Anchors whose triplets the audit mines again."""


def default_neighbours(rows: int) -> int:
    """K for a set of `rows` rows: `NEIGHBOURS`, or all other rows if there are fewer.

    >>> default_neighbours(40), default_neighbours(60_000)
    (39, 150)
    """
    return min(NEIGHBOURS, max(1, rows - 1))
