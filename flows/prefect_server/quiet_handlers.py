"""Drop log lines that a server cannot take, without an error: the run itself reports what is wrong."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_handlers() -> Iterator[None]:
    """Within the block, logging handlers do not print their own errors, as Prefect's does for every line that its
    server refuses."""
    before = logging.raiseExceptions
    logging.raiseExceptions = False
    try:
        yield
    finally:
        logging.raiseExceptions = before
