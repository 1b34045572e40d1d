"""Rewrite messages of `models` and `mining`, which name parameters, so that they name keys of the run file."""

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
"""Parameters that may still be refused while a stage runs, and their keys; others are checked with the run file."""

_NAMED = re.compile(r"^\w+\b|(?<![\w.'\"])\w+_\w+\b(?![.'\"(])|(?<![\w.'\"])\w+(?= = )")
"""Where a message may name a parameter: as its subject, as a word with an underscore, or before " = "."""


def in_keys(message: str) -> str:
    """The message with keys of the run file in place of parameters.

    >>> in_keys("out of memory while embedding: lower embed_rows (now 64)")
    'out of memory while embedding: lower train.embed_rows (now 64)'
    """
    return renamed(message, KEYS)


def renamed(message: str, names: Mapping[str, str]) -> str:
    """The message with other names of parameters: `names` maps old to new.

    >>> renamed("margin is -1.0 but must be above 0.0: raise it", {"margin": "--margin"})
    '--margin is -1.0 but must be above 0.0: raise it'
    """
    return _NAMED.sub(lambda found: names.get(found.group(), found.group()), message)


def as_of_a_run(error: Exception) -> Exception:
    """An error of `mining` or `models` with its message in keys of the run file; other errors are returned as is."""
    if not isinstance(error, InputError | ModelError):
        return error
    named = in_keys(str(error))
    return error if named == str(error) else type(error)(named)
