"""Row ranges cover all rows once, at any number of threads."""

import threading

import numpy as np
import pytest
from tripletmine.mining.compute.threads import over_rows, read_only

from ...waiting import PATIENCE_SECONDS


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(("rows", "step"), [(0, None), (1, None), (1000, None), (1000, 7), (10, 100)])
def test_every_row_is_visited_once(rows: int, step: int | None, threads: int) -> None:
    visits = np.zeros(rows, int)

    def kernel(start: int, stop: int) -> None:
        assert stop - start <= (step or rows)
        visits[start:stop] += 1

    over_rows(kernel, rows, threads, step=step)
    np.testing.assert_array_equal(visits, 1)


def test_ranges_run_side_by_side() -> None:
    meeting = threading.Barrier(2)
    over_rows(
        lambda start, stop: meeting.wait(timeout=PATIENCE_SECONDS), 2, 2, step=1
    )  # one after the other, they would wait in vain


@pytest.mark.parametrize("threads", [1, 2])
def test_the_error_of_a_range_is_raised(threads: int) -> None:
    def kernel(start: int, stop: int) -> None:
        if start == 30:
            raise ArithmeticError(f"row {start}")

    with pytest.raises(ArithmeticError, match="row 30"):
        over_rows(kernel, 100, threads, step=10)


def test_a_read_only_view_shares_memory_and_leaves_the_array_writable() -> None:
    array = np.zeros(3)
    view = read_only(array)
    array[1] = 2.0
    assert view[1] == 2.0
    assert not view.flags.writeable
