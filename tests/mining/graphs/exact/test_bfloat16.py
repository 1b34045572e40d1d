"""Products in bfloat16 give the same table as those in float32, bit for bit, even in hard cases."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from tripletmine.mining.graphs.exact import bfloat16
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.exact.bounds import Bound, greatest_norm, mean_of, measure_about
from tripletmine.mining.graphs.parameters import ExactParameters
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable

torch = pytest.importorskip("torch")

ROWS, WIDTH = 700, 24
Precision = Literal["float32", "bfloat16"]


def search(
    x: np.ndarray, neighbours: int, precision: Precision, queries: np.ndarray | None = None, threads: int = 1
) -> NeighbourTable:
    own = np.arange(len(x)) if queries is None else np.full(len(queries), NO_ROW)
    index = exact.build(x, parameters=ExactParameters(precision=precision))
    given = x if queries is None else queries
    return index.search(given, query_ids=own, neighbours=neighbours, threads=threads)


def by_sorting(x: np.ndarray, neighbours: int, queries: np.ndarray | None = None) -> np.ndarray:
    """Ids by float64 differences and (distance, id)."""
    given = x if queries is None else queries
    wide, ids = x.astype(np.float64), []
    for row, query in enumerate(given.astype(np.float64)):
        sq = ((wide - query) ** 2).sum(axis=1)
        if queries is None:
            sq[row] = np.inf
        ids.append(np.lexsort((np.arange(len(x)), sq))[:neighbours])
    return np.array(ids)


def directions(rng: np.random.Generator, rows: int) -> np.ndarray:
    x = rng.standard_normal((rows, WIDTH))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def plain(rng: np.random.Generator) -> np.ndarray:
    return directions(rng, ROWS)


def whole_numbers(rng: np.random.Generator) -> np.ndarray:
    """Many ties, and every distance exact in float32."""
    return rng.integers(-2, 3, (ROWS, WIDTH))


def near_duplicates(rng: np.random.Generator) -> np.ndarray:
    """Hundreds of rows at distances that bfloat16 cannot tell apart."""
    return (
        np.repeat(directions(rng, 3), -(-ROWS // 3), axis=0)[:ROWS]
        + rng.integers(0, 64, (ROWS, WIDTH)) / 2**16
    )


def copies(rng: np.random.Generator) -> np.ndarray:
    return np.repeat(directions(rng, 5), ROWS // 5, axis=0)


def far_from_the_rest(rng: np.random.Generator) -> np.ndarray:
    """A few rows of large norm move the mean far away from all others."""
    x = directions(rng, ROWS)
    x[:7] *= 1e5
    return x


def large(rng: np.random.Generator) -> np.ndarray:
    return 1e15 * directions(rng, ROWS)


def enormous(rng: np.random.Generator) -> np.ndarray:
    """Squares overflow float32 here and there."""
    return 6e18 * directions(rng, ROWS)


def subnormal(rng: np.random.Generator) -> np.ndarray:
    """Products that matrix instructions flush to zero, and distances that have few bits in float32."""
    return 2.0**-70 * rng.integers(-8, 9, (ROWS, WIDTH))


def mixed_scales(rng: np.random.Generator) -> np.ndarray:
    return directions(rng, ROWS) * 10.0 ** rng.integers(-18, 18, (ROWS, 1))


CASES: list[Callable[[np.random.Generator], np.ndarray]] = [
    plain, whole_numbers, near_duplicates, copies, far_from_the_rest, large, enormous, subnormal, mixed_scales
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_table_of_float32(case, threads: int) -> None:
    x = case(np.random.default_rng(5)).astype(np.float32)
    found, expected = (search(x, 12, precision, threads=threads) for precision in ("bfloat16", "float32"))
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.sq_distances, expected.sq_distances)


@pytest.mark.parametrize("case", [whole_numbers, copies])
def test_the_oracles_table(case) -> None:
    x = case(np.random.default_rng(6)).astype(np.float32)
    np.testing.assert_array_equal(search(x, 12, "bfloat16").ids, by_sorting(x, 12))


def test_queries_that_are_rows_find_themselves_first() -> None:
    rng = np.random.default_rng(7)
    x = plain(rng).astype(np.float32)
    found = search(x, 5, "bfloat16", queries=np.ascontiguousarray(x[::3]))
    np.testing.assert_array_equal(found.ids[:, 0], np.arange(ROWS)[::3])
    np.testing.assert_array_equal(found.ids, by_sorting(x, 5, x[::3]))


@pytest.mark.parametrize(("case", "coarse"), [(plain, ROWS), (near_duplicates, 64)])
def test_bfloat16_is_given_up_after_a_look_where_it_leaves_too_many_in_doubt(
    case, coarse: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    rows = bfloat16.Bfloat16Products.queries

    def counted(self: bfloat16.Bfloat16Products, queries: np.ndarray) -> tuple[np.ndarray, Bound]:
        asked.append(len(queries))
        return rows(self, queries)

    monkeypatch.setattr(bfloat16.Bfloat16Products, "queries", counted)
    monkeypatch.setattr(exact, "_LOOK", 64)
    x = case(np.random.default_rng(5)).astype(np.float32)
    found = search(x, 12, "bfloat16")
    assert sum(asked) == coarse
    np.testing.assert_array_equal(found.ids, search(x, 12, "float32").ids)


def test_no_queries_have_no_neighbours() -> None:
    x = plain(np.random.default_rng(5)).astype(np.float32)
    assert search(x, 12, "bfloat16", queries=x[:0]).ids.shape == (0, 12)


def test_blocks_do_not_show(clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search(clustered, 20, "float32")
    for shape in (exact.BlockShape(queries=77, rows=130), exact.BlockShape(queries=3000, rows=64)):
        monkeypatch.setattr(exact, "_BFLOAT16_BLOCK", shape)
        for threads in (1, 2):
            found = search(clustered, 20, "bfloat16", threads=threads)
            np.testing.assert_array_equal(found.ids, whole.ids)
            np.testing.assert_array_equal(found.sq_distances, whole.sq_distances)


def test_few_queries_are_searched_again_and_without_the_check_tables_differ(
    clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = []
    check = Bound.in_doubt

    def counted(self: Bound, limits: np.ndarray, furthest: np.ndarray) -> np.ndarray:
        again.append(check(self, limits, furthest))
        return again[-1]

    monkeypatch.setattr(Bound, "in_doubt", counted)
    search(clustered, 20, "bfloat16")
    assert len(again[0]) < 0.03 * len(clustered)
    x = near_duplicates(np.random.default_rng(5)).astype(np.float32)
    expected = search(x, 12, "float32")
    monkeypatch.setattr(Bound, "in_doubt", lambda *_: np.empty(0, np.int64))
    assert (search(x, 12, "bfloat16").ids != expected.ids).any()


@pytest.mark.parametrize("case", [plain, near_duplicates, far_from_the_rest, large, mixed_scales])
def test_products_are_never_off_by_more_than_the_bound(case) -> None:
    x = case(np.random.default_rng(8)).astype(np.float32)
    origin, sq_norms = mean_of(x), np.empty(len(x), np.float32)
    measure_about(x, origin, sq_norms)
    products = bfloat16.Bfloat16Products(x, origin, greatest_norm(sq_norms, WIDTH))
    asked, bound = products.queries(x)
    rows, scores = np.empty_like(asked), np.empty((len(x), len(x)), np.int16)
    products.rows(x, sq_norms, rows)
    products.multiply(asked, rows, scores)
    keys = -2.0 * (scores.astype(np.int32) << 16).view(np.float32).astype(np.float64)
    wide = x.astype(np.float64)
    own = ((wide - origin) ** 2).sum(axis=1)
    shares = np.broadcast_to(bound.query_shares, len(x))
    worst = 0.0
    for row, query in enumerate(wide):
        sq = ((wide - query) ** 2).sum(axis=1)
        off = np.abs(keys[row] + own[row] - sq)
        one = replace(bound, norms=bound.norms[row], query_shares=shares[row])
        worst = max(worst, float((off / one.errors(sq)).max()))
    assert 0.01 < worst < 1.0, "and it is not so wide that it says nothing"


@pytest.mark.parametrize(
    ("work", "matrices", "pays"),
    [
        ((60_000, 60_000, 64), True, True),
        ((60_000, 60_000, 64), False, False),
        ((1_000, 60_000, 64), True, False),
        ((60_000, 60_000, 8), True, False),
        ((60_000, 10, 64), True, False),
    ],
)
def test_it_pays_where_there_are_instructions_and_work(
    work, matrices, pays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16, "has_matrix_instructions", lambda: matrices)
    assert bfloat16.pays(*work) == pays


def test_torch_is_imported_for_large_searches_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bfloat16, "has_matrix_instructions", lambda: True)
    monkeypatch.delitem(sys.modules, "torch")
    assert not bfloat16.pays(60_000, 60_000, 64)
    assert bfloat16.pays(200_000, 200_000, 64)
    assert bfloat16.pays(200_000, 200_000, 64, left_mib=4096)
    assert not bfloat16.pays(200_000, 200_000, 64, left_mib=300), (
        "it would take the memory that the search needs"
    )


def test_without_torch_auto_multiplies_in_float32_and_bfloat16_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from tripletmine.mining.graphs.build import neighbours_of\n"
        "from tripletmine.mining.graphs.exact import bfloat16\n"
        "from tripletmine.mining.graphs.parameters import ExactParameters\n"
        "bfloat16._WORTH_A_LOOK = bfloat16._WORTH_IMPORTING = 0.0; bfloat16._LEAST_ROWS = 1\n"
        "bfloat16.has_matrix_instructions = lambda: True\n"
        "x = np.eye(20, dtype=np.float32)\n"
        "neighbours_of(x, 2, method='exact')\n"
        "try: neighbours_of(x, 2, parameters=ExactParameters(precision='bfloat16'))\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "precision is 'bfloat16' and torch cannot be imported" in said
    assert said.endswith("install tripletmine[train], or use float32\n")


def test_a_small_search_does_not_import_torch() -> None:
    code = (
        "import sys, tripletmine.mining.graphs.build as b, numpy as np\n"
        "b.neighbours_of(np.eye(9), 2)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
