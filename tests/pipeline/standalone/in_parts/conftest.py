"""Two Dask workers, each a process of its own."""

from ...workers.conftest import start_cluster, two_workers, workers_with_nannies  # noqa: F401
