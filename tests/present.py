"""Optional values that a test knows to be there."""

from typing import TypeVar

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """The value itself; the test fails if it is None."""
    assert value is not None
    return value
