"""The graph stage: every method, in parts, warm and cold, and how far its searches go."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tripletmine.mining.graphs.choose import Choice
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.methods import Method
from tripletmine.mining.graphs.recall import recall_at_k
from tripletmine.pipeline.artifacts.embeddings import read_embeddings
from tripletmine.pipeline.artifacts.neighbours import read_neighbours, read_some_neighbours, sampled_rows
from tripletmine.pipeline.errors import CorruptError, SpecError, TaskError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.progress import Progress, Silent
from tripletmine.pipeline.run.runner import make_job, run_stage
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.stages import graph_search as search
from tripletmine.pipeline.stages.graph import GRAPH
from tripletmine.pipeline.stages.graph_search import part_ranges
from tripletmine.pipeline.standalone.audit import audit_folder
from tripletmine.pipeline.storage.committed import Committed
from tripletmine.pipeline.storage.manifest import read_manifest
from tripletmine.pipeline.storage.publish import remove_tree
from tripletmine.pipeline.workers.opened import release_parts
from tripletmine.pipeline.workers.serial import SerialExecutor

from ..runs import Recorded, finish, opened, small_spec

REF = StageRef(1, "graph")


def committed(root: Path, ref: StageRef) -> Committed:
    manifest = read_manifest(ref.folder(root))
    assert manifest is not None
    return Committed(ref.folder(root), manifest)


def rebuilt(spec: RunSpec, progress: Progress | None = None) -> Committed:
    """The graph of a copied run, built again under its changed spec."""
    remove_tree(REF.folder(spec.root))
    with opened(spec) as (run, executor):
        run_stage(run, GRAPH, REF, executor, progress or Silent())
    return committed(spec.root, REF)


def recall_of(spec: RunSpec, graph: Committed) -> float:
    vectors = read_embeddings(committed(spec.root, StageRef(1, "embed")), 0, 1307)
    rows = np.arange(len(vectors), dtype=np.int64)
    found = read_neighbours(graph, 0, len(vectors))
    true = exact.build(vectors).search(vectors, query_ids=rows, neighbours=found.neighbours, threads=1)
    return recall_at_k(found, true)


@pytest.mark.parametrize("method", ["exact", "hnsw", "traverse_add"])
@pytest.mark.parametrize("parts", [1, 8])
def test_every_method_reaches_its_recall_in_any_number_of_parts(copied_run, method: str, parts: int) -> None:
    spec = copied_run(graph={"method": method, "parts": parts})
    graph = rebuilt(spec)
    report = graph.manifest.report
    assert (report["method"], report["parts"], report["warm"]) == (method, parts, False)
    recall = recall_of(spec, graph)
    assert recall >= (1.0 if method == "exact" else 0.985), f"recall is {recall}"
    assert abs(report["recall"] - recall) < 0.01
    assert ("remarks" in report) == (report["recall"] < spec.graph.recall_target)


def test_both_engines_of_exact_search_give_the_same_table(copied_run) -> None:
    spec = copied_run(graph={"method": "exact", "engine": "numpy"})
    numpy_table = read_neighbours(rebuilt(spec), 0, 1307)
    release_parts()
    torch_spec = spec.model_copy(update={"graph": spec.graph.model_copy(update={"engine": "torch"})})
    torch_table = read_neighbours(rebuilt(torch_spec), 0, 1307)
    assert np.array_equal(numpy_table.ids, torch_table.ids)
    assert np.array_equal(numpy_table.sq_distances, torch_table.sq_distances)


def test_parts_cover_all_rows_once() -> None:
    for parts, rows in ((1, 1), (3, 10), (8, 1307), (7, 7)):
        ranges = part_ranges(parts, rows)
        assert [row for first, stop in ranges for row in range(first, stop)] == list(range(rows))
        sizes = [stop - first for first, stop in ranges]
        assert max(sizes) - min(sizes) <= 1


def test_parts_that_do_not_fit_at_once_are_opened_in_turn(
    copied_run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for one of eight parts the table is the same."""
    spec = copied_run(graph={"method": "hnsw", "parts": 8})
    together = read_neighbours(rebuilt(spec), 0, 1307)
    release_parts()
    monkeypatch.setattr(search, "parts_held", lambda *_: 1)
    in_turn = read_neighbours(rebuilt(spec), 0, 1307)
    assert np.array_equal(together.ids, in_turn.ids)
    assert np.array_equal(together.sq_distances, in_turn.sq_distances)


def test_traverse_add_starts_from_the_epoch_before(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"epochs": 3}, graph={"method": "traverse_add"})
    finish(spec)
    cold, warm = (committed(spec.root, StageRef(epoch, "graph")) for epoch in (1, 2))
    assert (cold.manifest.report["warm"], warm.manifest.report["warm"]) == (False, True)
    assert set(cold.manifest.inputs["parents"]) == {"embed of epoch 1"}
    assert set(warm.manifest.inputs["parents"]) == {"embed of epoch 2", "graph of epoch 1"}
    assert warm.manifest.report["recall"] >= 0.985


SPARSE = {"parts": 2, "max_degree": 2, "walks": 1, "recall_target": 0.9999, "m": 2, "ef_construction": 4}
"""Settings too sparse for any graph of the digits."""


def events(spec: RunSpec, kind: str) -> list[dict]:
    lines = (spec.root / "journal.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def test_an_effort_of_ones_own_is_used_and_a_recall_below_the_target_is_said(copied_run) -> None:
    spec = copied_run(graph={"method": "hnsw", "effort": 61, "recall_target": 1.0, "m": 4})
    said = Recorded()
    report = rebuilt(spec, said).manifest.report
    assert (report["effort"], report["tried"]) == (61, [])
    assert 0.5 < report["recall"] < 1.0
    assert report["remarks"][0].startswith(
        f"the recall of its table, {report['recall']:.4f} on 1000 rows, is below graph.recall_target = 1.0: "
        "raise graph.effort"
    )
    assert said.notes == [f"graph of epoch 1: {report['remarks'][0]}"]
    assert [event["text"] for event in events(spec, "remark")] == report["remarks"]


def test_the_recall_is_that_of_the_table_on_other_rows(copied_run) -> None:
    """For an effort that just reaches the target on the rows by which it was chosen, and may miss it on others."""
    target = {"method": "traverse_add", "parts": 1, "max_degree": 6, "walks": 1, "recall_sample": 50}
    spec = copied_run(graph={**target, "recall_target": 0.95})
    said = Recorded()
    graph = rebuilt(spec, said)
    report = graph.manifest.report
    rows = sampled_rows(1307, 50, spec.run.seed + 1)
    vectors = read_embeddings(committed(spec.root, StageRef(1, "embed")), 0, 1307)
    true = exact.build(vectors).search(vectors[rows], query_ids=rows, neighbours=60, threads=1)
    assert report["recall"] == recall_at_k(read_some_neighbours(graph.folder / "neighbours.zarr", rows), true)
    assert report["tried"][-1]["recall"] >= 0.95
    assert report["recall"] != report["tried"][-1]["recall"]
    if report["recall"] < 0.95:
        assert "raise that a little, or set graph.effort" in report["remarks"][0]
    assert said.notes == [f"graph of epoch 1: {text}" for text in report.get("remarks", ())]


def test_a_recall_that_reaches_its_target_is_no_remark(copied_run) -> None:
    said = Recorded()
    report = rebuilt(
        copied_run(graph={"method": "hnsw", "effort": 200, "recall_target": 0.9}), said
    ).manifest.report
    assert report["recall"] > 0.9
    assert "remarks" not in report
    assert said.notes == []


@pytest.mark.parametrize(
    ("method", "says", "mended"),
    [
        (
            "hnsw",  # so sparse that no search reaches enough rows
            "which goes over to it), or raise graph.m and graph.ef_construction; then",
            [{"recall_target": 0.9, "m": 16, "ef_construction": 100}],
        ),
        (
            "traverse_add",
            "lower graph.recall_target, or set graph.effort, or raise graph.walks and graph.max_degree; then",
            [{"recall_target": 0.01}, {"effort": 600}, {"recall_target": 0.9, "walks": 8, "max_degree": 32}],
        ),
    ],
)
def test_a_recall_that_is_out_of_reach_names_what_to_change(
    copied_run, method: str, says: str, mended: list[dict]
) -> None:
    spec = copied_run(graph={"method": method, **SPARSE})
    remove_tree(REF.folder(spec.root))
    with (
        opened(spec) as (run, executor),
        pytest.raises(
            SpecError,
            match=rf"{method} does not reach .* in graph of epoch 1, .*: choose .*{re.escape(says)}",
        ),
    ):
        run_stage(run, GRAPH, REF, executor, Silent())
    for change in mended:
        release_parts()
        rebuilt(spec.model_copy(update={"graph": spec.graph.model_copy(update=change)}))


@pytest.mark.parametrize("method", ["hnsw", "traverse_add"])
def test_auto_goes_over_to_exact_search(copied_run, method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the set were so large that "auto" chooses a graph."""
    spec = copied_run(graph={"method": "auto", **SPARSE, "warm_start": method == "traverse_add"})
    monkeypatch.setattr(
        "tripletmine.pipeline.resolve.graph.choose_method", lambda *_, **__: Choice(method, "as if large")
    )
    said = Recorded()
    graph = rebuilt(spec, said)
    report = graph.manifest.report
    assert (report["method"], report["recall"], report["effort"]) == ("exact", 1.0, None)
    assert (
        f'{method}, which graph.method = "auto" chose, does not reach graph.recall_target = 0.9999'
        in report["why"]
    )
    assert said.notes == [f"graph of epoch 1: exact search: {report['why']}"]
    found = read_neighbours(graph, 0, 1307)
    vectors = read_embeddings(committed(spec.root, StageRef(1, "embed")), 0, 1307)
    rows = np.arange(1307, dtype=np.int64)
    expected = exact.build(vectors).search(vectors, query_ids=rows, neighbours=60, threads=1)
    assert np.array_equal(found.ids, expected.ids)
    # The whole run goes on from there, and is then found as it was left.
    for ref in (StageRef(1, "mine"), StageRef(1, "train"), StageRef(1, "evaluate"), StageRef(None, "test")):
        remove_tree(ref.folder(spec.root))
    finish(spec)
    assert all(result.skipped for result in finish(spec))


UNREACHED = {"m": 2, "ef_construction": 4, "effort": 70, "recall_sample": 1}
"""A graph in which a search from the sampled row reaches K others, but from some other rows does not."""


def test_a_graph_too_sparse_for_some_rows_only_is_searched_exactly_there(
    copied_run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = copied_run(graph={"method": "auto", "warm_start": False, **UNREACHED})
    monkeypatch.setattr(
        "tripletmine.pipeline.resolve.graph.choose_method", lambda *_, **__: Choice("hnsw", "as if large")
    )
    said = Recorded()
    graph = rebuilt(spec, said)
    assert graph.manifest.report["method"] == "hnsw"
    notes = [note for note in said.notes if "exact search of" in note]
    assert len(notes) == 1, said.notes
    assert "its chunks: hnsw was not good enough, a search of the graph reached fewer than" in notes[0]
    assert (read_neighbours(graph, 0, 1307).ids >= 0).all()


def test_a_graph_too_sparse_for_some_rows_that_was_named_is_an_error_whose_remedies_work(copied_run) -> None:
    spec = copied_run(graph={"method": "hnsw", **UNREACHED})
    with pytest.raises(SpecError, match=r"for some of the rows \d+ to \d+: choose graph\.method"):
        rebuilt(spec)
    for change in ({"method": "exact"}, {"method": "auto"}, {"m": 16, "ef_construction": 100}):
        release_parts()
        mended = spec.model_copy(update={"graph": spec.graph.model_copy(update=change)})
        assert (read_neighbours(rebuilt(mended), 0, 1307).ids >= 0).all()


def test_the_default_k_is_what_a_small_set_has(tmp_path: Path) -> None:
    """90 of the 180 rows are too few for 150 neighbours, and in two parts for more than 44."""
    for parts, neighbours in ((1, 89), (2, 44)):
        spec = of_trees(tmp_path / str(parts), {"parts": parts})
        finish(spec)
        report = committed(spec.root, REF).manifest.report
        assert report["neighbours"] == neighbours
        assert read_neighbours(committed(spec.root, REF), 0, 90).ids.shape == (90, neighbours)
        assert audit_folder(spec.root).ok
        # Given explicitly, it is the same run; more than there are is refused.
        finish(of_trees(tmp_path / str(parts), {"parts": parts, "neighbours": neighbours}))
    with pytest.raises(SpecError, match=r"graph\.neighbours is 150 but the training split has 90 rows"):
        finish(of_trees(tmp_path / "named", {"neighbours": 150}))


def of_trees(folder: Path, graph: dict) -> RunSpec:
    """Vectors of three classes, of which 90 are for training."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    labels = np.repeat(["ash", "elm", "oak"], 60)
    vectors = np.repeat(random.normal(size=(3, 8)), 60, axis=0) + random.normal(size=(180, 8))
    splits = np.tile(["train", "train", "validation", "test"], 45)
    if not (folder / "trees.npy").exists():
        np.save(folder / "trees.npy", vectors)
        lines = [f"{label},{split}" for label, split in zip(labels, splits, strict=True)]
        (folder / "labels.csv").write_text("\n".join(["label,split", *lines]))
    return parse_spec(
        {
            "run": {"epochs": 2, "deterministic": True},
            "data": {"kind": "arrays", "path": "trees.npy", "labels": "labels.csv"},
            "encoder": {"name": "mlp", "embedding_dim": 8},
            "graph": graph,
            "train": {"classes_per_batch": 3, "images_per_class": 8},
            "evaluate": {"nmi": False},
        },
        base=folder,
    )


def test_a_damaged_index_is_found_before_it_is_searched(copied_run, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = copied_run(graph={"method": "hnsw"})
    remove_tree(REF.folder(spec.root))

    class Damaging(SerialExecutor):
        """Flips a bit of a finished part before its search begins."""

        def run(self, call, tasks):
            index = REF.folder(spec.root) / "index-000.bin"
            if tasks[0].phase == "effort":
                content = bytearray(index.read_bytes())
                content[-1] ^= 1
                index.write_bytes(content)
            yield from super().run(call, tasks)

    release_parts()
    with (
        opened(spec) as (run, _),
        pytest.raises(
            (CorruptError, TaskError), match=r"index-000\.bin differs .*: redo it with --from-stage graph"
        ),
    ):
        run_stage(run, GRAPH, REF, Damaging(), Silent())
    rebuilt(spec)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"neighbours": 1307},
            r"graph\.neighbours is 1307 but the training split has 1307 rows: .* at most 1306",
        ),
        ({"parts": 22}, r"graph\.parts is 22 but .* lower it to at most 21"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(copied_run, changes: dict, message: str) -> None:
    spec = copied_run(graph=changes)
    remove_tree(REF.folder(spec.root))
    with opened(spec) as (run, executor), pytest.raises(SpecError, match=message):
        run_stage(run, GRAPH, REF, executor, Silent())


def test_some_rows_are_read_like_all_rows(digits_run) -> None:
    graph = committed(digits_run.root, REF)
    rows = np.array([0, 99, 100, 777, 1306])
    some = read_some_neighbours(graph.folder / "neighbours.zarr", rows)
    every = read_neighbours(graph, 0, 1307)
    assert np.array_equal(some.ids, every.ids[rows])
    assert np.array_equal(some.sq_distances, every.sq_distances[rows])


def test_a_job_names_its_parents_by_digest(digits_run) -> None:
    with opened(digits_run.spec) as (run, _):
        job = make_job(run, GRAPH, REF)
    assert set(job.parent_digests) == {StageRef(1, "embed")}
