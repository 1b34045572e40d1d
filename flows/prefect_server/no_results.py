"""Keep Prefect from storing the results of flows: nobody reads them, and it would pickle the error of a failed flow."""

from typing import Any

from prefect import Flow
from prefect.filesystems import WritableFileSystem


class _Nowhere(WritableFileSystem):
    """Result storage that discards everything."""

    async def write_path(self, path: str, content: bytes) -> None:
        """Discard the content."""

    async def read_path(self, path: str) -> bytes:
        raise FileNotFoundError(path)


def without_results(made: Flow[..., Any]) -> None:
    """Keep Prefect from storing what the flow returns or raises. `persist_result` alone does not cover errors."""
    made.persist_result = False
    # Not passed to the decorator, which accepts only storage that is recorded on the server.
    made.result_storage = _Nowhere()
