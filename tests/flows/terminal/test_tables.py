import pytest
from tripletmine.flows.terminal.tables import size


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (3 * 2**30, "3.0 GiB"),
        (2**40, "1.0 TiB"),
        (2048 * 2**40, "2048.0 TiB"),
    ],
)
def test_bytes_are_said_in_the_unit_that_suits_them(number: int, said: str) -> None:
    assert size(number) == said
