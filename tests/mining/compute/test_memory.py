"""Budgets become block sizes, or an error before the work begins."""

import pytest
from tripletmine.mining.compute.memory import MIB, Budget
from tripletmine.mining.errors import InputError


def test_without_a_budget_the_whole_block_is_taken() -> None:
    assert Budget(None, "it").take(10**15, "much").rows(10**15, at_most=7) == 7


def test_what_is_taken_leaves_less_for_blocks() -> None:
    budget = Budget(4, "it")
    assert budget.rows(MIB, at_most=100) == 4
    assert budget.take(3 * MIB, "a table").rows(MIB, at_most=100) == 1
    assert budget.rows(MIB, at_most=2) == 2


def test_what_is_left_is_said_in_mib() -> None:
    assert Budget(None, "it").take(MIB, "a table").left_mib is None
    assert Budget(4, "it").take(MIB + MIB // 2, "a table").left_mib == 2.5
    assert Budget(4, "it").take(4 * MIB, "a table").left_mib == 0


def test_a_budget_that_cannot_be_met_names_what_is_needed() -> None:
    with pytest.raises(
        InputError,
        match=r"memory_mib leaves 4 MiB to it, which needs 4\.01 MiB with a table: raise memory_mib by at least 1",
    ):
        Budget(4, "it").take(4 * MIB + 1, "a table")
    with pytest.raises(InputError, match=r"needs 8 MiB with its smallest block \(8 rows\)"):
        Budget(4, "it").rows(MIB, at_most=100, at_least=8)
    assert Budget(4, "it").rows(MIB, at_most=3, at_least=8) == 3
