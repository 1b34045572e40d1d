"""The check of Dask workers on the client's side: start it, end it, and collect its messages."""

import os
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distributed import Client, Status
from distributed.client import ClosedClientError

from ..errors import UnavailableError
from .admission import PACKAGE, Admission, Watch, paused, versions
from .base import FolderWords

_TOKEN = ".token-"
"""Prefix of the file that workers must read."""


class Admitted:
    """The check of workers on one scheduler, and its messages about refused and paused workers."""

    def __init__(self, client: Client, check: Admission) -> None:
        self._client = client
        self._check = check
        self._news: deque[str] = deque()
        self._told: set[str] = set()

    def renew(self) -> None:
        """Check all workers of the scheduler, now and when they join. Raises: OSError and others if the scheduler is
        gone."""
        self._client.subscribe_topic(self._check.topic, self._hear)
        self._client.register_plugin(
            Watch(client=self._client.id, topic=self._check.topic), name=self._check.topic
        )
        self._client.register_plugin(self._check, name=self._check.topic)
        workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        for address, worker in workers.items():
            if worker["status"] == Status.paused.name:
                self._tell(address, paused(worker["memory_limit"]))

    def news(self) -> Iterator[str]:
        """The messages since the last call. Each message is given only once."""
        while self._news:
            yield self._news.popleft()

    def _hear(self, event: tuple[float, dict[str, str]]) -> None:
        self._tell(event[1]["worker"], event[1]["news"])

    def _tell(self, worker: str, found: str) -> None:
        news = f"worker {worker} {found}"
        if news not in self._told:
            self._told.add(news)
            self._news.append(news)


@contextmanager
def admitted_workers(client: Client, root: Path, words: FolderWords) -> Iterator[Admitted]:
    """Within the block, let only fit workers have tasks. Afterwards nothing of this is left on the cluster or in
    `root`.

    Raises: UnavailableError if no worker fits.
    """
    for left in root.glob(f"{_TOKEN}*"):  # left by a killed process; we hold the lock of the folder
        left.unlink(missing_ok=True)
    handle, token = tempfile.mkstemp(dir=root, prefix=_TOKEN)
    try:
        secret = os.urandom(16)
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
        topic = f"{PACKAGE}-{secret.hex()}"
        check = Admission(
            versions=versions(),
            root=str(root),
            called=words.called,
            setting=words.setting,
            token=token,
            secret=secret,
            topic=topic,
        )
        answers: dict[str, Any] = client.run(check.problem, on_error="return")  # pyright: ignore[reportAssignmentType]
        if answers and all(answers.values()):
            address, problem = min(answers.items())
            raise UnavailableError(f"worker {address} {problem}")
        admitted = Admitted(client, check)
        admitted.renew()
        yield admitted
        with suppress(
            OSError, TimeoutError, ValueError, ClosedClientError
        ):  # a lost scheduler needs no clean-up
            client.unregister_worker_plugin(topic)
    finally:
        Path(token).unlink(missing_ok=True)
