"""Processes that train together: their shares of a batch, and the exchange of features and gradients."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import ModelError


class PeerLostError(RuntimeError):
    """Another process ended while this one waited for it. The cause is in the other's error."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process (`rank`, from 0) among `count`. By default it is alone, and the methods do nothing.

    With several processes, the default process group of torch.distributed must be open. Methods that wait for the
    others raise PeerLostError when one of them ends.
    """

    rank: int = 0
    count: int = 1

    @property
    def writes(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """The rows of a batch that this process embeds; shares differ by at most one row.

        Raises: ModelError when there are fewer rows than processes.
        """
        if rows < self.count:
            raise ModelError(
                f"a batch has {rows} rows but processes = {self.count}: lower it, or compose larger batches"
            )
        return even_slices(rows, self.count)[self.rank]

    def gathered(self, features: Tensor, rows: int) -> Tensor:
        """float32 (rows, D), the features of the whole batch, gathered from those of each process, (share, D)."""
        if self.count == 1:
            return features
        widest = -(-rows // self.count)
        padded = features.new_zeros((widest, features.shape[1]))
        padded[: len(features)] = features
        parts = [torch.empty_like(padded) for _ in range(self.count)]
        with _peers():
            dist.all_gather(parts, padded)
        shares = even_slices(rows, self.count)
        return torch.cat([part[: s.stop - s.start] for part, s in zip(parts, shares, strict=True)])

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors, of one dtype, by their sums over the processes, in one message."""
        found = list(tensors)
        if self.count == 1 or not found:
            return
        flat = torch.cat([tensor.flatten() for tensor in found])
        with _peers():
            dist.all_reduce(flat)
        for tensor, summed in zip(found, flat.split([tensor.numel() for tensor in found]), strict=True):
            tensor.copy_(summed.view_as(tensor))


ALONE = Processes()


@contextmanager
def _peers() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError(str(error)) from error


def even_slices(rows: int, parts: int) -> list[slice]:
    """Split `rows` rows into consecutive slices whose lengths differ by at most one, longer ones first.

    >>> even_slices(5, 2)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    length, longer = divmod(rows, parts)
    starts = [part * length + min(part, longer) for part in range(parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(starts)]
