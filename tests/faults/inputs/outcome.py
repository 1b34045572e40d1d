"""What a reader may do with an input: read it, or refuse it in one message that helps."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import event
from tripletmine.mining.errors import InputError
from tripletmine.pipeline.errors import PipelineError

Value = TypeVar("Value")

_REMEDY = re.compile(
    r"\b(add|admits|begin|bring|call|choose|convert|correct|drop|fill|give|install|leave|list|make|mend|move|name|normalise|pass|"
    r"put|raise|remove|rename|repair|replace|reshape|restore|save|scale|set|store|use|write)\b"
)
"""What the reader of a message can do: errors of this project name a remedy in the imperative."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The message of the error."""

    message: str


def outcome(ask: Callable[[], Value], *subjects: str) -> Value | Refused:
    """What `ask` returns, or the message of our own error that it raises; any other error fails the test. subjects:
    such as the file; the message must name one of them.
    """
    try:
        value = ask()
    except (PipelineError, InputError) as error:
        message = str(error)
        assert "\n" not in message, message
        assert "please report" not in message.lower(), message
        assert any(subject in message for subject in subjects), (message, subjects)
        assert _REMEDY.search(message.partition(":")[2]), message
        event("refused")
        return Refused(message)
    event("read")
    return value
