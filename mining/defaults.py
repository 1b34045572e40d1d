"""Defaults that functions, the run file and the command line share, and that are no field of settings."""

NEIGHBOURS = 150
"""K, the neighbours kept for a row."""

RECALL_TARGET = 0.99
"""Share of the true neighbours to be found."""

SAMPLE_ROWS = 1000
"""Rows that recall is measured on: at K = 100 and recall 0.99 its standard error is then about 0.0006."""

AUDIT_SAMPLE = 2000
"""Anchors whose triplets are derived again after mining."""


def default_neighbours(rows: int) -> int:
    """K for a set of `rows` rows: `NEIGHBOURS`, or all others of a row where there are no more.

    >>> default_neighbours(40), default_neighbours(60_000)
    (39, 150)
    """
    return min(NEIGHBOURS, max(1, rows - 1))
