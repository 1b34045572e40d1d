"""Log lines that a server cannot take are lost without a word: the run itself says what is wrong."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_handlers() -> Iterator[None]:
    """Within the block no handler of the process writes its own troubles to the terminal, as Prefect's does for every
    line that its server refuses."""
    before = logging.raiseExceptions
    logging.raiseExceptions = False
    try:
        yield
    finally:
        logging.raiseExceptions = before
