"""Which Dask workers may take tasks: those with our versions that see the run directory. Which are paused.

Goes to workers and schedulers by value: a machine with another tripletmine, or none, must understand it. So what a
method needs there comes from the standard library, or with the object.
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
"""Packages that decide about the bytes of a result."""

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def versions() -> dict[str, str | None]:
    """Versions of this process, without the name of a build (+cpu), as machines with and without GPU share a run."""
    found: dict[str, str | None] = {}
    for package in COMPARED:
        try:
            found[package] = version(package).partition("+")[0]
        except PackageNotFoundError:
            found[package] = None
    return found


class Admission(WorkerPlugin):
    """Ends a worker that does not fit when it registers, before any task gets there.

    versions: those of the flow. token: a file in `root` with the bytes `secret`. called, setting: what `root` is, and
    where its place is said. topic: of the event that names a worker that was refused.
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
        """What is wrong with the worker that asks, or None."""
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
        """On the worker, while it registers: raising here would not keep tasks away from it."""
        problem = await asyncio.to_thread(self.problem)
        if problem is None:
            return
        worker.log_event(self.topic, {"worker": worker.address, "news": f"gets no tasks, since it {problem}"})
        worker.status = Status.closing_gracefully  # the scheduler gives it nothing from now on
        closing = worker.close(nanny=True, executor_wait=False, reason=f"refused by {self.root}: {problem}")
        worker.refusal = asyncio.ensure_future(closing)  # not awaited: to close waits for this very method


def paused(memory_limit: int) -> str:
    """What a person should know of a worker that Dask has paused. memory_limit: bytes."""
    return (
        f"is paused by Dask, since it fills most of its {memory_limit >> 20} MiB, and gets tasks again when it "
        "needs less: give workers more memory (`tripletmine check` says how much), or fewer threads"
    )


class Watch(SchedulerPlugin):
    """On the scheduler, for one flow: tells it of workers that Dask pauses, and takes its admission back when it is
    gone, however it ended: later workers are none of its business.

    client: the flow's. topic: of the events, and the name of both plugins.
    """

    def __init__(self, *, client: str, topic: str):
        self.client, self.topic = client, topic

    async def start(self, scheduler: Any) -> None:
        """Keep hold of the scheduler."""
        self.scheduler = scheduler

    def log_event(self, topic: str, msg: Any) -> None:
        """Each change of a worker's status is an event under the worker's address."""
        worker = self.scheduler.workers.get(topic)
        if worker is not None and isinstance(msg, dict) and msg.get("status") == Status.paused.name:
            news = {"worker": worker.address, "news": paused(worker.memory_limit)}
            self.scheduler.log_event(self.topic, news)

    def remove_client(self, scheduler: Any, client: str) -> None:
        """A client has left, or was lost."""
        if client == self.client:
            scheduler.worker_plugins.pop(self.topic, None)
            scheduler.remove_plugin(name=self.topic)
