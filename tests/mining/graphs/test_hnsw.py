"""hnswlib behind the common interface."""

from pathlib import Path

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs import hnsw
from tripletmine.mining.graphs.parameters import HnswParameters
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable


def search_all(index: hnsw.HnswIndex, x: np.ndarray, neighbours: int, **options) -> NeighbourTable:
    ids = np.arange(len(x)) + index.first_id
    return index.search(x, query_ids=ids, neighbours=neighbours, **{"threads": 2, **options})


@pytest.mark.parametrize("threads", [1, 2])
def test_it_finds_nearly_all_neighbours(clustered, clustered_exact, threads: int) -> None:
    found = search_all(hnsw.build(clustered, threads=threads), clustered, 20)
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found.ids, clustered_exact.ids, strict=True)]
    recall = np.sum(hits) / clustered_exact.ids.size
    assert recall > 0.995, f"recall {recall:.4f}"


def test_distances_and_order_are_the_oracles(grid, oracle) -> None:
    found = search_all(hnsw.build(grid, parameters=HnswParameters(m=32, ef=150), first_id=9), grid, 149)
    expected = oracle(grid, 149, first_id=9)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.sq_distances, expected.sq_distances)


def test_one_thread_and_one_seed_write_the_same_bytes(tmp_path: Path, clustered) -> None:
    for name, seed in [("a", 5), ("b", 5), ("c", 6)]:
        hnsw.build(clustered, seed=seed, threads=1).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_searching_is_the_same_at_any_number_of_threads_and_after_loading(tmp_path: Path, clustered) -> None:
    index = hnsw.build(clustered, first_id=2**31)
    index.save(tmp_path / "index")
    loaded = hnsw.load(tmp_path / "index", clustered, first_id=2**31)
    first = search_all(index, clustered, 10, threads=1)
    assert first.ids[first.ids != NO_ROW].min() >= 2**31
    for other in (
        search_all(index, clustered, 10, threads=4),
        search_all(loaded, clustered, 10),
        search_all(index, clustered, 10, memory_mib=1),
    ):
        np.testing.assert_array_equal(other.ids, first.ids)
        np.testing.assert_array_equal(other.sq_distances, first.sq_distances)


def test_more_neighbours_than_rows_are_padded(grid) -> None:
    found = search_all(hnsw.build(grid[:3]), grid[:3], 6)
    assert (found.ids[:, 2:] == NO_ROW).all()
    assert (np.sort(found.ids[:, :2], axis=1) == [[1, 2], [0, 2], [0, 1]]).all()


def test_an_ef_below_the_neighbours_names_what_to_raise(clustered) -> None:
    index = hnsw.build(clustered, parameters=HnswParameters(ef=20))
    with pytest.raises(InputError, match=r"ef is 20, too few.*20 neighbours.*raise ef to at least 21"):
        search_all(index, clustered, 20)


def test_a_graph_too_sparse_names_m(clustered) -> None:
    index = hnsw.build(clustered, parameters=HnswParameters(m=2, ef_construction=4, ef=3000))
    with pytest.raises(InputError, match=r"m = 2 and ef = 3000.*raise m"):
        search_all(index, clustered, 2900)


def test_what_cannot_be_written_is_an_error(tmp_path: Path, clustered) -> None:
    """hnswlib itself reports nothing, and leaves a truncated file or none."""
    index = hnsw.build(clustered)
    with pytest.raises(OSError, match=r"No space left on device for an index of \d+ bytes"):
        index.save(Path("/dev/full"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        index.save(tmp_path / "nowhere" / "index")


def test_a_file_of_other_vectors_or_a_broken_one_is_refused(tmp_path: Path, clustered) -> None:
    path = tmp_path / "index"
    hnsw.build(clustered).save(path)
    with pytest.raises(InputError, match="holds 3000 rows of width 16, but they are 2999 of width 16"):
        hnsw.load(path, clustered[:2999])
    with pytest.raises(InputError, match="of width 16, but they are 3000 of width 15"):
        hnsw.load(path, np.ascontiguousarray(clustered[:, :15]))
    whole = path.read_bytes()
    for length in (10, 60, len(whole) - 100_000):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="build it again"):
            hnsw.load(path, clustered)


@pytest.mark.parametrize("field", ["m", "ef_construction", "ef"])
def test_parameters_that_make_no_sense_are_refused(field: str) -> None:
    with pytest.raises(InputError, match=f"{field} is 0 but must be at least"):
        HnswParameters(**{field: 0})


def test_a_budget_below_the_result_is_refused(clustered) -> None:
    index = hnsw.build(clustered, parameters=HnswParameters(ef=200))
    with pytest.raises(
        InputError, match=r"leaves 4 MiB to an hnsw search, which needs 5\.15 MiB with its result"
    ):
        search_all(index, clustered, 150, memory_mib=4)
