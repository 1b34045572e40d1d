"""Calls that are refused, and what their messages say that one should do: done, and seen to work.

A table of them, by name, and the test over it:

    @pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
    def test_each_remedy_works(refusal: Refusal) -> None:
        refusal.require(InputError)
"""

from collections.abc import Callable

import pytest

Call = Callable[[], object]


class Refusal:
    """A call, a part of the message with which it is refused, and the calls that follow what this part says."""

    def __init__(self, refused: Call, says: str, *remedies: Call) -> None:
        assert remedies, f"nothing does what {says!r} says"
        self.refused, self.says, self.remedies = refused, says, remedies

    def require(self, error: type[Exception]) -> None:
        """See that the call is refused, and that each remedy goes through."""
        with pytest.raises(error) as caught:
            self.refused()
        assert self.says in str(caught.value)
        for remedy in self.remedies:
            remedy()
