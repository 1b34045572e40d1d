"""What may be None, where a test knows that it is there."""

from typing import TypeVar

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """The value itself; a test in which it is None fails here."""
    assert value is not None
    return value
