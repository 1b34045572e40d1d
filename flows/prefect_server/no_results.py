"""Results of flows, which nobody reads: Prefect would pickle the error of each flow that fails."""

from typing import Any

from prefect import Flow
from prefect.filesystems import WritableFileSystem


class _Nowhere(WritableFileSystem):
    """Keeps nothing."""

    async def write_path(self, path: str, content: bytes) -> None:
        """Nothing."""

    async def read_path(self, path: str) -> bytes:
        raise FileNotFoundError(path)


def without_results(made: Flow[..., Any]) -> None:
    """Let Prefect keep nothing of what the flow returns or raises. Its switch, `persist_result`, is not for errors."""
    made.persist_result = False
    # Not an argument of the decorator, which takes only what is recorded on the server.
    made.result_storage = _Nowhere()
