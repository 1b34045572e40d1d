"""What a schedule may be."""

from datetime import timedelta

import pytest
from tripletmine.flows.serve import parse_every
from tripletmine.pipeline.errors import SpecError


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("1h30m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
    ],
)
def test_every(text, duration):
    assert parse_every(text) == duration


@pytest.mark.parametrize("text", ["", "1", "h", "1 h", "-1h", "1y", "0s", "1h0"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(SpecError, match="--every is"):
        parse_every(text)
