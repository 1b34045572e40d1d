"""The graph stage by cells: the table is in the order of the run, and the same however the work is split or
interrupted."""

import json
from pathlib import Path

import numpy as np
import pytest
from tripletmine.mining.graphs.cells import index as cells
from tripletmine.mining.graphs.choose import Choice
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.methods import Parameters, default_parameters
from tripletmine.mining.graphs.parameters import CellsParameters
from tripletmine.pipeline.artifacts import found_neighbours
from tripletmine.pipeline.artifacts.embeddings import read_embeddings
from tripletmine.pipeline.artifacts.neighbours import read_neighbours
from tripletmine.pipeline.errors import CorruptError, SpecError, TaskError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage import RunFacts
from tripletmine.pipeline.plan.stage_folder import StageFolder
from tripletmine.pipeline.resolve.graph import resolve_method
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.progress import Silent
from tripletmine.pipeline.run.runner import make_job, run_stage
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.stages import graph_cells, graph_search
from tripletmine.pipeline.stages.graph import GRAPH
from tripletmine.pipeline.stages.graph_search import true_neighbours
from tripletmine.pipeline.storage.publish import remove_tree
from tripletmine.pipeline.storage.sealed import publish_sealed, read_sealed
from tripletmine.pipeline.workers.opened import open_parts, release_parts
from tripletmine.pipeline.workers.serial import SerialExecutor

from ..runs import Recorded, artifacts, finish, opened, small_spec
from .test_graph import REF, committed, rebuilt

CELLS = {"method": "cells", "parts": 1}
ROWS = 1307


@pytest.fixture(autouse=True)
def small_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use cells of 20 rows, so that 1,307 rows make more than a handful."""

    def parameters(method: str, neighbours: int) -> Parameters:
        return CellsParameters(cell_rows=20) if method == "cells" else default_parameters(method, neighbours)

    monkeypatch.setattr("tripletmine.pipeline.resolve.graph.default_parameters", parameters)
    release_parts()


def test_the_table_is_what_a_search_in_one_piece_gives(copied_run) -> None:
    spec = copied_run(graph=CELLS)
    graph = rebuilt(spec)
    report = graph.manifest.report
    assert (report["method"], report["warm"], report["parts"]) == ("cells", False, 1)
    assert 40 < report["cells"] < 100
    assert report["largest_cell"] <= 60
    assert report["recall"] >= 0.98
    assert report["effort"] < 30
    vectors = read_embeddings(committed(spec.root, StageRef(1, "embed")), 0, ROWS)
    index = cells.load(graph.folder / "index-000.bin", vectors)
    index = index.with_parameters(CellsParameters(probes=report["effort"]))
    expected = index.search(vectors, query_ids=np.arange(ROWS), neighbours=60, threads=1)
    found = read_neighbours(graph, 0, ROWS)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.sq_distances, expected.sq_distances)


def test_the_index_is_closed_with_the_stage(copied_run) -> None:
    rebuilt(copied_run(graph=CELLS))
    assert not open_parts


def test_the_truth_does_not_depend_on_its_blocks(copied_run, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(0, ROWS, 7)
    with open_run(copied_run(graph=CELLS)) as run:
        job = make_job(run, GRAPH, REF)
        whole = true_neighbours(job, rows, threads=1)
        monkeypatch.setattr(graph_search, "_EXACT_BYTES", 1)
        found = true_neighbours(job, rows, threads=1)
    assert job.spec.embed.chunk_rows < ROWS / 2
    assert np.array_equal(found.truth.ids, whole.truth.ids)
    assert np.array_equal(found.truth.sq_distances, whole.truth.sq_distances)
    vectors = read_embeddings(committed(run.root, StageRef(1, "embed")), 0, ROWS)
    expected = exact.build(vectors).search(vectors[rows], query_ids=rows, neighbours=60, threads=1)
    assert np.array_equal(whole.queries, vectors[rows])
    assert np.array_equal(whole.truth.ids, expected.ids)
    assert np.array_equal(whole.truth.sq_distances, expected.sq_distances)


@pytest.mark.parametrize("chunk_rows", [64, 5000])
def test_the_tasks_do_not_show(copied_run, chunk_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = copied_run(graph=CELLS)
    expected = read_neighbours(rebuilt(spec), 0, ROWS)
    monkeypatch.setattr(graph_cells, "_MOST_ROWS", 170)
    other = spec.model_copy(
        update={"graph": spec.graph.model_copy(update={"chunk_rows": chunk_rows, "memory_mib": 64})}
    )
    graph = rebuilt(other)
    assert sum(receipt.task.startswith("cells-") for receipt in graph.manifest.receipts) in (8, 21)
    found = read_neighbours(graph, 0, ROWS)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.sq_distances, expected.sq_distances)
    assert not StageFolder(spec.root, REF).scratch.exists()


def test_cells_start_from_the_centres_of_the_epoch_before(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"epochs": 3}, graph=CELLS)
    finish(spec)
    cold, warm = (committed(spec.root, StageRef(epoch, "graph")) for epoch in (1, 2))
    assert (cold.manifest.report["warm"], warm.manifest.report["warm"]) == (False, True)
    assert set(warm.manifest.inputs["parents"]) == {"embed of epoch 2", "graph of epoch 1"}
    assert warm.manifest.report["recall"] >= 0.98
    alone = small_spec(tmp_path, run={"epochs": 3}, graph={**CELLS, "warm_start": False})
    assert set(GRAPH.parents(alone, facts(), StageRef(2, "graph"))) == {StageRef(2, "embed")}


class Damaging(SerialExecutor):
    """Flips a bit of a search's results before they are put in place."""

    def __init__(self, spec: RunSpec, file: str) -> None:
        super().__init__()
        self.path = StageFolder(spec.root, REF).scratch / file
        self.ran: list[str] = []

    def run(self, call, tasks):
        self.ran += [task.name for task in tasks]
        if tasks[0].phase == "neighbours":
            found_neighbours._read_head.cache_clear()  # as in a process other than that of the searches
            content = bytearray(self.path.read_bytes())
            content[len(content) // 2] ^= 1
            self.path.write_bytes(content)
        yield from super().run(call, tasks)


@pytest.mark.parametrize("file", ["cells-00003.lines.npy", "cells-00003.head.npy"])
def test_what_was_damaged_before_it_was_put_in_place_is_searched_for_again(copied_run, file: str) -> None:
    spec = copied_run(graph=CELLS)
    rebuilt(spec)
    expected = artifacts(REF.folder(spec.root))
    remove_tree(REF.folder(spec.root))
    with opened(spec) as (run, _):
        with pytest.raises((CorruptError, TaskError), match="start the same command again, it searches"):
            run_stage(run, GRAPH, REF, Damaging(spec, file), Silent())
        again = SerialExecutor()
        result = run_stage(run, GRAPH, REF, again, Silent())
    assert artifacts(REF.folder(spec.root)) == expected
    searched = [name for name in events_of(spec) if name.startswith("cells-")]
    assert searched[-1] == "cells-00003"
    assert result.tasks_run <= result.tasks_kept


class Replacing(SerialExecutor):
    """Puts something else in the place of the rows in cell order before they are searched."""

    def __init__(self, spec: RunSpec, content: bytes | None) -> None:
        super().__init__()
        self.scratch = StageFolder(spec.root, REF).scratch
        self.content = content

    def run(self, call, tasks):
        if tasks[0].phase == "cells":
            release_parts()
            (path,) = self.scratch.glob("cells-*.rows")
            path.unlink()
            if self.content is not None:
                path.write_bytes(self.content)
        yield from super().run(call, tasks)


@pytest.mark.parametrize("content", [None, b"something else"])
def test_rows_in_cell_order_that_are_gone_or_damaged_are_written_again(
    copied_run, content: bytes | None
) -> None:
    spec = copied_run(graph=CELLS)
    rebuilt(spec)
    expected = artifacts(REF.folder(spec.root))
    remove_tree(REF.folder(spec.root))
    with opened(spec) as (run, _):
        run_stage(run, GRAPH, REF, Replacing(spec, content), Silent())
    assert artifacts(REF.folder(spec.root)) == expected


def events_of(spec: RunSpec) -> list[str]:
    lines = (spec.root / "journal.jsonl").read_text().splitlines()
    return [event["task"] for event in map(json.loads, lines) if event["event"] == "task"]


def test_parts_are_refused(copied_run) -> None:
    spec = copied_run(graph={"method": "cells", "parts": 2})
    with pytest.raises(SpecError, match=r"graph\.parts is 2 but cells are parts of their own: leave it at 1"):
        rebuilt(spec)
    rebuilt(copied_run_again(spec))


def copied_run_again(spec: RunSpec) -> RunSpec:
    return spec.model_copy(update={"graph": spec.graph.model_copy(update={"parts": 1})})


def test_an_effort_of_ones_own_is_the_cells_that_a_row_looks_into(copied_run) -> None:
    spec = copied_run(graph={**CELLS, "effort": 2})
    said = Recorded()
    report = rebuilt(spec, said).manifest.report
    assert (report["effort"], report["tried"]) == (2, [])
    assert 0.3 < report["recall"] < 0.98
    assert "raise graph.effort (now 2)" in said.notes[0]


def test_auto_goes_over_to_exact_search(copied_run, monkeypatch: pytest.MonkeyPatch) -> None:
    """If all the cells listed for a row's own cell are too few."""
    monkeypatch.setattr("tripletmine.mining.graphs.cells.probing.LISTED", 3)
    named = copied_run(graph={**CELLS, "recall_target": 0.9999})
    with pytest.raises(
        (SpecError, TaskError), match=r"cells does not reach .* when a search looks into 3 cells"
    ):
        rebuilt(named)
    monkeypatch.setattr(
        "tripletmine.pipeline.resolve.graph.choose_method", lambda *_, **__: Choice("cells", "as if large")
    )
    spec = named.model_copy(update={"graph": named.graph.model_copy(update={"method": "auto"})})
    graph = rebuilt(spec)
    assert (graph.manifest.report["method"], graph.manifest.report["effort"]) == ("exact", None)
    vectors = read_embeddings(committed(spec.root, StageRef(1, "embed")), 0, ROWS)
    expected = exact.build(vectors).search(vectors, query_ids=np.arange(ROWS), neighbours=60, threads=1)
    assert np.array_equal(read_neighbours(graph, 0, ROWS).ids, expected.ids)


def facts(**changes) -> RunFacts:
    counts = {"train": 10**6, "validation": 100, "test": 100, "classes": 9, "singletons": 0}
    texts = {"data_digest": "d", "encoder": "convnet", "weights": None, "encoder_digest": "e"}
    return RunFacts(**{**counts, **texts, "item_shape": (8, 8), "item_bytes": 64, **changes})


def test_auto_takes_cells_in_runs_that_began_with_them(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, graph={"method": "auto", "parts": 1})
    before, now, ref = facts(), facts(cells=True), StageRef(1, "graph")
    assert resolve_method(spec, before).method == "traverse_add"
    assert resolve_method(spec, now).method == "cells"
    assert GRAPH.keys(spec, now, ref)["graph"] == GRAPH.keys(spec, before, ref)["graph"] | {"auto": "cells"}
    assert RunFacts.from_json({k: v for k, v in before.as_json().items() if k != "cells"}) == before
    in_parts = small_spec(tmp_path, graph={"method": "auto", "parts": 2})
    assert resolve_method(in_parts, now).method == "traverse_add"


@pytest.mark.parametrize("lost", [False, True])
def test_a_run_that_began_before_goes_on_as_it_did(tmp_path: Path, lost: bool) -> None:
    """lost: run.json is gone, and the graphs that are there show how the run began."""
    spec = small_spec(tmp_path, graph={"method": "auto", "parts": 1})
    with open_run(spec) as run:
        assert run.facts.cells
    record = spec.root / "run.json"
    value = read_sealed(record)
    del value["facts"]["cells"]
    publish_sealed(record, value)
    finish(spec)
    manifest = committed(spec.root, StageRef(1, "graph")).manifest
    assert "auto" not in manifest.inputs["keys"]["graph"]
    if lost:
        record.unlink()
    assert all(result.skipped for result in finish(spec))
    with open_run(spec) as run:
        assert not run.facts.cells
