"""Exact search by torch: the products on GPUs, query blocks shared out over them. Imports torch; imported lazily.

As in ``exact``, products only propose. In bfloat16 they are several times as fast and far less accurate, so
more candidates are kept, the bound on the error is wider, and a query for which it does not hold is
searched again by the numpy engine: the result is the same, exactly.
"""

from queue import SimpleQueue

import numpy as np
import torch
from numpy.typing import NDArray

from ..compute.memory import Budget
from ..compute.threads import over_rows
from ..errors import InputError
from ..neighbours import NeighbourTable
from .exact import SLACK, ExactIndex, in_doubt
from .index import check_queries
from .parameters import ExactParameters
from .remeasure import empty_table, remeasure

_QUERY_ROWS = 4096
_COLUMNS = 32_768

_BFLOAT16_ERROR = 2.0**-6
"""Bound on what bfloat16 adds to |x|² − 2 q·x, in units of |q| · |x|: the rounding of q, of x and of their product
are each at most 2⁻⁹, doubled by the factor 2, and a quarter of that again for the terms of second order."""

_SHARE_OF_DEVICE = 0.5
"""Of a GPU's free memory: what a copy of the vectors may take; a larger set is sent anew for every query block."""


class TorchExactIndex(ExactIndex):
    """See ``index.GraphIndex`` and ``ExactIndex``."""

    def __init__(self, vectors: NDArray[np.float32], *, first_id: int, parameters: ExactParameters) -> None:
        super().__init__(vectors, first_id=first_id, parameters=parameters)
        self._devices = _devices(parameters.devices)
        self._type = _number_type(parameters.precision, self._devices)
        self._low = self._type == torch.bfloat16 or torch.get_float32_matmul_precision() != "highest"
        self._resident: dict[torch.device, list[tuple[torch.Tensor, torch.Tensor]]] = {}

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """See ``index.GraphIndex``. threads: for what the host does. memory_mib: of the host."""
        rows, width = self._vectors.shape
        check_queries(queries, query_ids, width, neighbours, threads)
        keep = min(rows, neighbours + 1 + (neighbours + 4 * SLACK if self._low else SLACK))
        columns = min(_COLUMNS, rows)
        table = empty_table(len(queries), neighbours)
        on_host = sum(device.type == "cpu" for device in self._devices)
        budget = Budget(memory_mib, "an exact search by torch")
        budget = budget.take(table.ids.nbytes + table.sq_distances.nbytes, "its result")
        budget = budget.take(8 * columns * width * len(self._devices), "a block of rows for each device")
        query_bytes = 12 * columns * on_host + (32 * keep + 8 * width) * len(self._devices)
        step = budget.rows(query_bytes, at_most=_QUERY_ROWS)
        idle: SimpleQueue[torch.device] = SimpleQueue()
        for device in self._devices:
            idle.put(device)
        doubtful: list[NDArray[np.int64]] = []

        def search_block(start: int, stop: int) -> None:
            device = idle.get()
            try:
                candidates, limits = self._proposed(queries[start:stop], keep, columns, device)
            finally:
                idle.put(device)
            into = NeighbourTable(table.ids[start:stop], table.sq_distances[start:stop])
            remeasure(
                queries[start:stop],
                self._vectors,
                candidates,
                query_ids=query_ids[start:stop],
                neighbours=neighbours,
                first_id=self.first_id,
                threads=threads,
                into=into,
            )
            if keep < rows:
                furthest = into.sq_distances[:, -1]
                error = _BFLOAT16_ERROR if self._low else 0.0
                some = in_doubt(queries[start:stop], self._origin, limits, furthest, product_error=error)
                doubtful.append(some + start)

        over_rows(search_block, len(queries), len(self._devices), step=step)
        again = np.sort(np.concatenate(doubtful)) if doubtful else np.empty(0, np.int64)
        if len(again):
            found = super().search(
                queries[again],
                query_ids=query_ids[again],
                neighbours=neighbours,
                threads=threads,
                memory_mib=memory_mib,
            )
            table.ids[again] = found.ids
            table.sq_distances[again] = found.sq_distances
        return table

    def _proposed(
        self, queries: NDArray[np.float32], keep: int, columns: int, device: torch.device
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Local rows (B, keep) with the least keys |x|² − 2 q·x, and the greatest of these keys."""
        about = torch.from_numpy(queries - self._origin).to(device, self._type)
        keys = torch.empty((len(queries), 0), dtype=torch.float32, device=device)
        rows = torch.empty((len(queries), 0), dtype=torch.int64, device=device)
        first = 0
        for moved, sq_norms in self._blocks(columns, device):
            block = (
                torch.addmm(sq_norms, about, moved.T, alpha=-2.0)
                if self._type == torch.float32
                else (sq_norms - 2.0 * (about @ moved.T).float())
            )
            block_keys, places = block.topk(min(keep, block.shape[1]), dim=1, largest=False, sorted=False)
            keys = torch.cat((keys, block_keys), dim=1)
            rows = torch.cat((rows, places + first), dim=1)
            if keys.shape[1] > keep:
                keys, places = keys.topk(keep, dim=1, largest=False, sorted=False)
                rows = rows.gather(1, places)
            first += len(sq_norms)
        return rows.cpu().numpy(), keys.amax(dim=1).cpu().numpy()

    def _blocks(self, columns: int, device: torch.device):
        """Blocks of rows about the origin, and their squared norms, on the device."""
        if device in self._resident:
            yield from self._resident[device]
            return
        stays = self._fits(device)
        blocks = []
        for first in range(0, len(self._vectors), columns):
            moved = torch.from_numpy(self._vectors[first : first + columns] - self._origin)
            sq_norms = torch.from_numpy(self._sq_norms[first : first + columns])
            block = moved.to(device, self._type), sq_norms.to(device)
            if stays:
                blocks.append(block)
            yield block
        if stays:
            self._resident[device] = blocks

    def _fits(self, device: torch.device) -> bool:
        if device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(device)
        return self._vectors.size * self._type.itemsize < _SHARE_OF_DEVICE * free


def _number_type(precision: str, devices: list[torch.device]) -> torch.dtype:
    if precision == "auto":
        precision = "float32" if any(device.type == "cpu" for device in devices) else "bfloat16"
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _devices(names: tuple[str, ...]) -> list[torch.device]:
    if not names:
        names = tuple(f"cuda:{i}" for i in range(torch.cuda.device_count())) or ("cpu",)
    try:
        devices = [torch.device(name) for name in names]
        for device in devices:
            torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was compiled with CUDA
        raise InputError(
            f"devices are {', '.join(names)}, and not all can be used ({error}): name others"
        ) from error
    return devices
