"""The short form: a few of the faults that `make faults` tries many times."""

from pathlib import Path

import pytest

from .cases import Case, References
from .kinds import interrupts, together
from .kinds.all_cases import all_cases

TIMED = {interrupts.KIND, together.TAKEN}
"""They must end within seconds, as users are promised, which they cannot if the machine stalls for as long."""


def marks(case: Case) -> list[pytest.MarkDecorator]:
    return [
        *([pytest.mark.system] if case.system else []),
        *([pytest.mark.flaky(reruns=1)] if case.kind in TIMED else []),
    ]


SHORT = [
    pytest.param(case, id=f"{case.kind}: {case.name}", marks=marks(case))
    for case in all_cases()
    if case.short
]


@pytest.mark.parametrize("case", SHORT)
def test_the_run_ends_as_if_nothing_had_happened(case: Case, references: References, tmp_path: Path) -> None:
    tally = case.run(tmp_path, references)
    assert tally.tried > 0
    assert tally.survived == tally.tried
    assert tally.recomputed == 0


def test_the_cases_have_names_of_their_own() -> None:
    """Results are kept by kind and name."""
    names = [(case.kind, case.name) for case in all_cases()]
    assert len(names) == len(set(names))
