"""Metrics hold one block of distances at a time, whatever they sort."""

import weakref
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from tripletmine.models.metrics import blocks
from tripletmine.models.metrics.blocks import MIB, columns_of, nearest_keys, sq_distance_blocks
from tripletmine.models.metrics.recognition import recognition
from tripletmine.models.metrics.retrieval import retrieval


class Held(TorchDispatchMode):
    """Measures the peak memory of tensors that operations return, in bytes; views count once."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._tensors: Counter[int] = Counter()
        self._bytes: dict[int, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for each in tree_leaves(found):
            if isinstance(each, torch.Tensor):
                place = each.untyped_storage().data_ptr()
                self._tensors[place] += 1
                self._bytes[place] = each.untyped_storage().nbytes()
                weakref.finalize(each, self._drop, place)
        self.peak = max(self.peak, sum(self._bytes.values()))
        return found

    def _drop(self, place: int) -> None:
        self._tensors[place] -= 1
        if not self._tensors[place]:
            self._bytes.pop(place, None)


@pytest.mark.parametrize("metric", ["retrieval", "recognition"])
def test_a_block_and_its_answers_are_held_and_no_more(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_KEYS_MIB", 1)
    random = np.random.default_rng(0)
    queries, gallery = (random.normal(size=(rows, 2)).astype(np.float32) for rows in (4096, 8192))
    # Many classes at random: the first answer to most queries has a high rank number.
    asked = (
        *(queries, random.integers(0, 2000, 4096).astype(np.int32)),
        *(gallery, random.integers(0, 2000, 8192).astype(np.int32)),
    )
    with Held() as held:
        if metric == "retrieval":
            retrieval(*asked, block_mib=16)
        else:
            recognition(*asked, neighbours=3, block_mib=16)
    # 16 MiB of distances, three tables of bools of 4 MiB each, and some of 1 MiB for sorting.
    assert 16 * MIB < held.peak < 36 * MIB, f"{held.peak / MIB:.1f} MiB"


@pytest.mark.parametrize("count", [3, 40, 50])
def test_the_order_does_not_depend_on_its_parts(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    distances = torch.from_numpy(np.random.default_rng(1).integers(0, 5, (70, 40)).astype(np.float32))
    expected = nearest_keys(distances, count)
    monkeypatch.setattr(blocks, "_KEYS_MIB", 0)
    assert torch.equal(nearest_keys(distances, count), expected)
    assert torch.equal(columns_of(expected), distances.argsort(dim=1, stable=True)[:, :count])


def test_blocks_are_the_distances_of_all_pairs() -> None:
    random = np.random.default_rng(2)
    queries, gallery = (random.normal(size=(rows, 8)).astype(np.float32) for rows in (100, 65_536))
    found = np.concatenate(
        [block.numpy().copy() for _, block in sq_distance_blocks(queries, gallery, block_mib=1)]
    )
    expected = ((queries[:, None].astype(float) - gallery[:500]) ** 2).sum(axis=2)
    np.testing.assert_allclose(found[:, :500], expected, atol=1e-4)
    assert found.shape == (100, 65_536)
