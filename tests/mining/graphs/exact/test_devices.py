"""Devices give the same table as the CPU, bit for bit."""

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs.methods import build_index, load_index
from tripletmine.mining.graphs.parameters import ExactParameters

pytest.importorskip("torch")
import torch
from tripletmine.mining.graphs.exact import devices as on_devices
from tripletmine.mining.graphs.exact.bounds import Bound


def search_all(x: np.ndarray, neighbours: int, parameters: ExactParameters, **options):
    index = build_index(x, parameters=parameters, seed=0, threads=1, first_id=4)
    ids = np.arange(len(x)) + 4
    return index.search(x, query_ids=ids, neighbours=neighbours, **{"threads": 2, **options})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("devices", [("cpu",), ("cpu", "cpu")])
def test_the_table_of_the_cpu(clustered, precision, devices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_devices, "_COLUMNS", 700)
    monkeypatch.setattr(on_devices, "_QUERY_ROWS", 900)
    parameters = ExactParameters(engine="torch", devices=devices, precision=precision)
    found, expected = (search_all(clustered, 20, p) for p in (parameters, ExactParameters()))
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.sq_distances, expected.sq_distances)


def test_rounding_that_hides_neighbours_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of length 1 that lie about 1/4096 apart: bfloat16 alone cannot tell which are nearest."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((20, 8))
    x = np.repeat(directions / np.linalg.norm(directions, axis=1, keepdims=True), 150, axis=0)
    x = (x + rng.standard_normal(x.shape) / 4096).astype(np.float32)
    parameters = ExactParameters(engine="torch", devices=("cpu",), precision="bfloat16")
    expected = search_all(x, 5, ExactParameters())
    np.testing.assert_array_equal(search_all(x, 5, parameters).ids, expected.ids)
    monkeypatch.setattr(Bound, "in_doubt", lambda *_: np.empty(0, np.int64))
    assert (search_all(x, 5, parameters).ids != expected.ids).any(), "the check is what makes it exact"


@pytest.mark.parametrize(
    ("precision", "devices", "type_"),
    [
        ("auto", ["cuda:0", "cuda:1"], "bfloat16"),
        ("auto", ["cuda:0", "cpu"], "float32"),
        ("auto", ["cpu"], "float32"),
        ("bfloat16", ["cpu"], "bfloat16"),
        ("float32", ["cuda:0"], "float32"),
    ],
)
def test_a_cpu_computes_in_float32_unless_told_otherwise(precision, devices, type_) -> None:
    found = on_devices._number_type(precision, [torch.device(name) for name in devices])
    assert found == getattr(torch, type_)


def test_small_sets_and_budgets(clustered) -> None:
    parameters = ExactParameters(engine="torch", devices=("cpu",))
    for rows in (1, 2, 30):
        found, expected = (search_all(clustered[:rows], 8, p) for p in (parameters, ExactParameters()))
        np.testing.assert_array_equal(found.ids, expected.ids)
    whole = search_all(clustered, 20, parameters)
    np.testing.assert_array_equal(search_all(clustered, 20, parameters, memory_mib=4).ids, whole.ids)
    with pytest.raises(InputError, match="an exact search, which needs"):
        search_all(clustered, 20, parameters, memory_mib=1)


def test_a_device_that_there_is_not_is_named(clustered) -> None:
    with pytest.raises(InputError, match="devices are nowhere, and not all can be used"):
        build_index(
            clustered, parameters=ExactParameters(engine="torch", devices=("nowhere",)), seed=0, threads=1
        )


@pytest.mark.parametrize("change", [{"engine": "jax"}, {"precision": "int8"}])
def test_parameters_that_make_no_sense_are_refused(change: dict) -> None:
    with pytest.raises(InputError, match="must be one of"):
        ExactParameters(**change)


def test_saved_and_loaded(clustered, tmp_path) -> None:
    parameters = ExactParameters(engine="torch", devices=("cpu",))
    index = build_index(clustered, parameters=parameters, seed=0, threads=1)
    index.save(tmp_path / "index")
    loaded = load_index(tmp_path / "index", clustered, parameters=parameters)
    assert loaded.parameters == parameters
