"""What `models` and `mining` call by the name of a parameter is a key of the run file where a run is under way."""

import re
from collections.abc import Mapping

from ...mining.errors import InputError
from ...models.errors import ModelError

KEYS = {
    "autocast": "train.autocast",
    "batch_rows": "embed.batch_rows",
    "device": "embed.device",
    "embed_rows": "train.embed_rows",
    "frozen_epochs": "train.frozen_epochs",
    "head": "train.head",
    "images_per_class": "train.images_per_class",
    "learning_rate": "train.learning_rate",
    "loader_workers": "train.loader_workers",
    "log": "train.log",
    "mean": "data.mean",
    "processes": "train.processes",
    "shift": "data.augment.shift",
    "std": "data.std",
}
"""Parameters that are still looked at when a stage runs; all others are checked with the run file."""

_NAMED = re.compile(r"^\w+\b|(?<![\w.'\"])\w+_\w+\b(?![.'\"(])|(?<![\w.'\"])\w+(?= = )")
"""Where a message may name one: as its subject, as a word that is no English, or before its value."""


def in_keys(message: str) -> str:
    """The message with keys for parameters.

    >>> in_keys("out of memory while embedding: lower embed_rows (now 64)")
    'out of memory while embedding: lower train.embed_rows (now 64)'
    """
    return renamed(message, KEYS)


def renamed(message: str, names: Mapping[str, str]) -> str:
    """The message with other names for parameters.

    >>> renamed("margin is -1.0 but must be above 0.0: raise it", {"margin": "--margin"})
    '--margin is -1.0 but must be above 0.0: raise it'
    """
    return _NAMED.sub(lambda found: names.get(found.group(), found.group()), message)


def as_of_a_run(error: Exception) -> Exception:
    """The same error for somebody who wrote a run file; other errors as they are."""
    if not isinstance(error, InputError | ModelError):
        return error
    named = in_keys(str(error))
    return error if named == str(error) else type(error)(named)
