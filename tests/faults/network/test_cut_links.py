"""Four machines with TLS between them: links that are cut for a minute, and unfit workers that come late."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ...forked import Started
from ...waiting import eventually
from ..cases import References
from ..dask_cluster import DASK
from ..product import Product, kill_group, private_environment
from ..state import at_work, computed, events, require_same
from .namespaces import Network, network

pytestmark = pytest.mark.system

CUT_SECONDS = 60
"""Longer than Dask's own patience of 30 s, and than the 40 s that once ended a run."""


@contextmanager
def machines(folder: Path, certificate: tuple[Path, Path]) -> Iterator["Machines"]:
    with network("scheduler", "one", "two", "flow") as built:
        made = Machines(built, folder, certificate)
        try:
            yield made
        finally:
            for process in reversed(made.processes):
                kill_group(process)


class Machines:
    """A scheduler and workers on a network, started as deploy/site/clusters.md says."""

    def __init__(self, network: Network, folder: Path, certificate: tuple[Path, Path]) -> None:
        cert, key = map(str, certificate)
        self.network, self._folder = network, folder
        self._tls = ("--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key)
        self.environment = {
            "FAULTS_FOLDER": str(folder / "told"),
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "300s",
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": cert,
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": cert,
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY": key,
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.address = f"tls://{network.addresses['scheduler']}:8786"
        self._start(
            "scheduler", (), "scheduler", "--protocol", "tls", "--host", network.addresses["scheduler"]
        )

    def add_worker(self, machine: str, *wrapper: str, **environment: str) -> subprocess.Popen[bytes]:
        """A worker of one thread. wrapper: a command that starts it."""
        options = ("--host", self.network.addresses[machine], "--protocol", "tls", "--nthreads", "1")
        return self._start(machine, wrapper, "worker", self.address, *options, **environment)

    @property
    def log(self) -> str:
        """What scheduler and workers said."""
        return (self._folder / "dask.log").read_text()

    def _start(
        self, machine: str, wrapper: tuple[str, ...], *command: str, **environment: str
    ) -> subprocess.Popen[bytes]:
        with (self._folder / "dask.log").open("ab") as output:
            process = subprocess.Popen(
                [*self.network.on(machine), *wrapper, DASK, *command, "--no-dashboard", *self._tls],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=private_environment(**self.environment, **environment),
            )
        self.processes.append(process)
        return process


def test_cut_links_and_workers_that_do_not_fit(
    certificate: tuple[Path, Path], references: References, tmp_path: Path
) -> None:
    (tmp_path / "told").mkdir()
    (tmp_path / "told" / "slow").write_text("0.3")
    about = tmp_path / "other" / "tripletmine-99.9.dist-info" / "METADATA"
    about.parent.mkdir(parents=True)
    about.write_text("Metadata-Version: 2.1\nName: tripletmine\nVersion: 99.9\n")
    with machines(tmp_path, certificate) as cluster:
        cluster.add_worker("one")
        cluster.add_worker("two")
        product = references.product(
            tmp_path / "run",
            "slow",
            options=("--no-prefect", "--executor", cluster.address),
            environment=cluster.environment,
            wrapper=cluster.network.on("flow"),
        )
        process = product.start()
        try:
            _in(product, process, "embed", epoch=1)
            cut(cluster.network, "two")
            stranger = cluster.add_worker("one", PYTHONPATH=str(about.parents[1]))
            other_disk = f'mount -t tmpfs none "{product.root.parent}" && exec "$0" "$@"'
            blind = cluster.add_worker("one", "unshare", "-m", "sh", "-c", other_disk)
            for refused in (stranger, blind):
                eventually(lambda refused=refused: refused.poll() is not None, "the end of a refused worker")
            _in(product, process, "evaluate", epoch=1)
            cut(cluster.network, "flow")
            eventually(lambda: process.poll() is not None, "the end of the run")
        finally:
            kill_group(process)
    assert process.returncode == 0, product.log
    assert product.log.count("gets no tasks, since it runs tripletmine 99.9") == 1, product.log
    assert product.log.count("gets no tasks, since it does not see the run directory") == 1, product.log
    assert "Traceback" not in product.log, product.log
    require_same(product.root, references.finished("slow").root)


def cut(network: Network, machine: str) -> None:
    """Cut a link for a minute."""
    network.cut(machine)
    time.sleep(CUT_SECONDS)
    network.mend(machine)


def _in(product: Product, process: Started, stage: str, *, epoch: int) -> None:
    """Wait until a task of this stage is done and another is at work."""

    def begun() -> bool:
        done = [task for task in computed(events(product.root)) if (task.epoch, task.stage) == (epoch, stage)]
        return bool(done) and at_work(product.root) == stage

    eventually(lambda: begun() or process.poll() is not None, f"{stage} at work")
    assert process.poll() is None, product.log
