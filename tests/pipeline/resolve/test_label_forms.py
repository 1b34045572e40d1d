"""Labels of one meaning in two forms."""

import unicodedata

import pytest
from tripletmine.pipeline.resolve.label_forms import look_alikes, said_alike

NFC, NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["1", "1.0"], [("1", "1.0")]),
        (["007", "7", "8"], [("007", "7")]),
        (["-0", "0", "+0.00"], [("+0.00", "-0", "0")]),
        ([NFC, NFD, "tea"], [(NFD, NFC)]),
        (["A", "a"], []),
        (["1", "10", "1.5", "1e0", "x1"], []),
        (["nan", "NaN", "inf", "Infinity", "1_0", "10"], []),
        ([1, 2, 10], []),
        (["1" * 50, "1" * 50 + ".0"], []),
        ([], []),
    ],
)
def test_names_that_differ_in_form_only(names: list[object], groups: list[tuple[str, ...]]) -> None:
    assert look_alikes(names) == groups
    assert look_alikes(reversed(names)) == groups


def test_what_is_said_shows_the_difference() -> None:
    (said,) = said_alike([NFC, NFD])
    assert r"'cafe\u0301' and 'caf\xe9'" in said
    assert said.isascii()


def test_many_groups_are_counted() -> None:
    (said,) = said_alike([f"{number}{end}" for number in range(20) for end in ("", ".0")])
    assert "(and 17 groups more)" in said
    assert said_alike(["a", "b"]) == []
