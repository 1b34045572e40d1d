import os

import pytest
from tripletmine.mining.compute.threads import usable_threads


def test_a_process_uses_the_cores_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert usable_threads() == 3


@pytest.mark.parametrize(("told", "threads"), [("7", 7), (" 1 ", 1), ("0", 2), ("2,4", 2), ("", 2)])
def test_the_environment_has_the_last_word_where_it_is_a_number(
    told: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert usable_threads() == threads
