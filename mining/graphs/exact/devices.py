"""Candidates by torch on GPUs, which share the blocks of queries. Imports torch, so it is imported lazily.

Products never leave a device: it selects the least keys itself.
"""

from queue import SimpleQueue

import numpy as np
import torch
from numpy.typing import NDArray

from ...compute.memory import Budget
from ...errors import InputError
from ..parameters import ExactParameters
from .bfloat16 import HALF_PLACE, greatest_share, shares_of
from .bounds import bound_of
from .propose import Candidates

_QUERY_ROWS = 4096
_COLUMNS = 32_768

_SLACK = 16
_LOW_SLACK = 64
"""Candidates kept: wanted + ``_SLACK``, or 2 · wanted + ``_LOW_SLACK`` in low precision."""

_SHARE_OF_DEVICE = 0.5
"""Share of a GPU's free memory that a copy of the vectors may take. A larger set is sent anew for every query block."""


class DeviceProposer:
    """See ``propose.Proposer``. The arguments are those of an exact index."""

    def __init__(
        self,
        vectors: NDArray[np.float32],
        sq_norms: NDArray[np.float32],
        origin: NDArray[np.float32],
        farthest: float,
        parameters: ExactParameters,
    ) -> None:
        self._vectors = vectors
        self._sq_norms = sq_norms
        self._origin = origin
        self._farthest = farthest
        self._devices = _devices(parameters.devices)
        self._type = _number_type(parameters.precision, self._devices)
        # Tensor cores may round float32 to as few bits as bfloat16 has.
        self._low = self._type == torch.bfloat16 or torch.get_float32_matmul_precision() != "highest"
        self._row_share = greatest_share(vectors, origin) if self._low else 0.0
        self._resident: dict[torch.device, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        self._idle: SimpleQueue[torch.device] = SimpleQueue()
        for device in self._devices:
            self._idle.put(device)

    def workers(self, threads: int) -> int:  # noqa: ARG002 - threads are the host's
        """See ``propose.Proposer``."""
        return len(self._devices)

    def block_rows(self, budget: Budget, wanted: int, threads: int) -> int:  # noqa: ARG002 - as above
        """See ``propose.Proposer``. The budget is for the host's memory."""
        columns, width, devices = self._columns, self._vectors.shape[1], len(self._devices)
        budget = budget.take(8 * columns * width * devices, "a block of rows for each device")
        on_host = sum(device.type == "cpu" for device in self._devices)
        query_bytes = 12 * columns * on_host + (32 * self._kept(wanted) + 8 * width) * devices
        return budget.rows(query_bytes, at_most=_QUERY_ROWS)

    def propose(self, queries: NDArray[np.float32], wanted: int) -> Candidates:
        """See ``propose.Proposer``."""
        device = self._idle.get()
        try:
            rows, limits = self._least(queries, self._kept(wanted), device)
        finally:
            self._idle.put(device)
        rounding = {}
        if self._low:
            # A product, at most |q| · |x|, is rounded to bfloat16, too.
            shares = shares_of(queries, self._origin) + HALF_PLACE
            rounding = {"query_shares": shares, "row_share": self._row_share}
        if rows.shape[1] == len(self._vectors):
            limits[:] = np.inf
        return Candidates(rows, limits, bound_of(queries, self._origin, self._farthest, **rounding))

    @property
    def _columns(self) -> int:
        return min(_COLUMNS, len(self._vectors))

    def _kept(self, wanted: int) -> int:
        return min(len(self._vectors), 2 * wanted + _LOW_SLACK if self._low else wanted + _SLACK)

    def _least(
        self, queries: NDArray[np.float32], keep: int, device: torch.device
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The local rows (B, keep) with the least keys |x|² − 2 q·x, and the greatest key (B,) among them."""
        about = torch.from_numpy(queries - self._origin).to(device, self._type)
        keys = torch.empty((len(queries), 0), dtype=torch.float32, device=device)
        rows = torch.empty((len(queries), 0), dtype=torch.int64, device=device)
        first = 0
        for moved, sq_norms in self._blocks(device):
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

    def _blocks(self, device: torch.device):
        """Yield blocks of rows about the origin with their squared norms, on the device."""
        if device in self._resident:
            yield from self._resident[device]
            return
        stays = self._fits(device)
        blocks = []
        for first in range(0, len(self._vectors), self._columns):
            moved = torch.from_numpy(self._vectors[first : first + self._columns] - self._origin)
            sq_norms = torch.from_numpy(self._sq_norms[first : first + self._columns])
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
