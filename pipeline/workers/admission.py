"""Dask plugins that refuse unfit workers and report paused ones. A worker must have our versions and see the run
folder.

The module is pickled by value, because it must work on machines with another tripletmine, or none. So its methods use
only the standard library and what the object carries.
"""

import asyncio
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cloudpickle
from distributed import SchedulerPlugin, Status, WorkerPlugin

PACKAGE = "tripletmine"
COMPARED = (PACKAGE, "torch", "numpy", "hnswlib", "numba", "zarr")
"""Packages whose versions affect the bytes of a result."""

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def versions() -> dict[str, str | None]:
    """Package versions of this process, without build tags (+cpu), so that machines with and without GPU can share a
    run."""
    found: dict[str, str | None] = {}
    for package in COMPARED:
        try:
            found[package] = version(package).partition("+")[0]
        except PackageNotFoundError:
            found[package] = None
    return found


class Admission(WorkerPlugin):
    """Ends an unfit worker when it registers, before it gets any task.

    versions: those of the process that runs the flow. token: a file in `root` with the bytes `secret`. called, setting:
    see `FolderWords`. topic: topic of the event that names a refused worker.
    """

    def __init__(
        self,
        *,
        versions: dict[str, str | None],
        root: str,
        called: str,
        setting: str,
        token: str,
        secret: bytes,
        topic: str,
    ):
        self.versions, self.token, self.secret, self.topic = versions, token, secret, topic
        self.root, self.called, self.setting = root, called, setting

    def problem(self) -> str | None:
        """The problem with the worker on which this is called, or None."""
        for package, ours in self.versions.items():
            try:
                theirs = version(package).partition("+")[0]
            except PackageNotFoundError:
                theirs = None
            if theirs == ours:
                continue
            if theirs is None:
                return f"has no {package}: install {package} {ours} there"
            return f"runs {package} {theirs} but this is {ours or 'without'}: install the same on both"
        try:
            sees = Path(self.token).read_bytes() == self.secret
        except OSError:
            sees = False
        # A path of the same name on another disk is not enough.
        if not sees:
            return (
                f"does not see the {self.called} {self.root}: put {self.setting} on a file system that all "
                "workers share"
            )
        return None

    async def setup(self, worker: Any) -> None:
        """Called on the worker while it registers. Closes an unfit worker: raising would not keep tasks away from
        it."""
        problem = await asyncio.to_thread(self.problem)
        if problem is None:
            return
        worker.log_event(self.topic, {"worker": worker.address, "news": f"gets no tasks, since it {problem}"})
        worker.status = Status.closing_gracefully  # from now on the scheduler gives it no tasks
        closing = worker.close(nanny=True, executor_wait=False, reason=f"refused by {self.root}: {problem}")
        worker.refusal = asyncio.ensure_future(
            closing
        )  # not awaited: closing waits for this method to return


def paused(memory_limit: int) -> str:
    """The message about a worker that Dask has paused. memory_limit: bytes."""
    return (
        f"is paused by Dask, since it fills most of its {memory_limit >> 20} MiB, and gets tasks again when it "
        "needs less: give workers more memory (`tripletmine check` says how much), or fewer threads"
    )


class Watch(SchedulerPlugin):
    """Runs on the scheduler for one client: reports paused workers to it, and removes both plugins when the client is
    gone, however it ended.

    client: id of the client. topic: topic of the events, and name of both plugins.
    """

    def __init__(self, *, client: str, topic: str):
        self.client, self.topic = client, topic

    async def start(self, scheduler: Any) -> None:
        """Called by the scheduler: store it."""
        self.scheduler = scheduler

    def log_event(self, topic: str, msg: Any) -> None:
        """Called for every event. A change of a worker's status is an event whose topic is the worker's address."""
        worker = self.scheduler.workers.get(topic)
        if worker is not None and isinstance(msg, dict) and msg.get("status") == Status.paused.name:
            news = {"worker": worker.address, "news": paused(worker.memory_limit)}
            self.scheduler.log_event(self.topic, news)

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Called when a client has left or was lost."""
        if client == self.client:
            scheduler.worker_plugins.pop(self.topic, None)
            scheduler.remove_plugin(name=self.topic)
