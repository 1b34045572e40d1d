"""The search of large held-out splits: over tasks, and for queries that are drawn."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from tripletmine.pipeline.artifacts.record import open_record
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.plan.stage import Asked
from tripletmine.pipeline.plan.stage_folder import set_aside
from tripletmine.pipeline.resolve.protocols import drawn_of
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.epochs import all_refs
from tripletmine.pipeline.run.redo import from_stage
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.stages.evaluate import EVALUATE
from tripletmine.pipeline.stages.evaluate import test_stage as final_stage
from tripletmine.pipeline.stages.evaluation import search
from tripletmine.pipeline.storage.sealed import publish_sealed, read_sealed

from ..runs import finish
from .test_evaluate_metrics import check, finished, spec_of, write_pictures, write_table


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks as of splits of many rows."""
    monkeypatch.setattr(search, "PAIRS_AT_ONCE", 300)
    monkeypatch.setattr(search, "_LEAST_QUERIES", 5)


def spec_in(base: Path, **evaluation) -> RunSpec:
    write_pictures(base)
    write_table(base)
    return spec_of(base, **evaluation)


def metrics(spec: RunSpec, where: str = "test") -> dict:
    return json.loads((spec.root / where / "metrics.json").read_bytes())


def searches(spec: RunSpec) -> dict[str, list[int]]:
    """Queries of each task, by phase of the test at the end."""
    _, facts = open_record(spec.root)
    plan = final_stage(0).plan(spec, facts, all_refs(spec)[-1])
    return {
        phase.name: [task.rows for task in phase.tasks]
        for phase in plan.phases
        if phase.name.startswith("search-")
    }


@pytest.mark.usefixtures("few_at_once")
def test_every_figure_of_tasks_is_that_of_a_slow_ranking(tmp_path: Path) -> None:
    run = finished(spec_in(tmp_path))
    # 54 rows against 53, at most 300 pairs at once; 12 queries against 36 rows; 54 rows against 48 of training.
    assert searches(run.spec) == {
        "search-test": [5] * 10 + [4],
        "search-test_query_to_gallery": [8, 4],
        "search-test_against_train": [6] * 9,
    }
    check(run)


@pytest.mark.usefixtures("few_at_once")
def test_tasks_find_what_one_search_finds(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, knn=3, train_sample=20)
    finish(spec)
    by_tasks = [metrics(spec, where) for where in ("epochs/0000/evaluate", "test")]
    assert all("knn@3" in figures for found in by_tasks for figures in found.values())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "PAIRS_AT_ONCE", 10**10)
        set_aside(spec.root, from_stage(all_refs(spec), "evaluate", 0))
        finish(spec)
    assert by_tasks == [metrics(spec, where) for where in ("epochs/0000/evaluate", "test")]


def test_few_pairs_are_searched_without_tasks(tmp_path: Path) -> None:
    spec = spec_in(tmp_path)
    finish(spec)
    assert searches(spec) == {}


@pytest.mark.usefixtures("few_at_once")
def test_what_a_task_found_and_lost_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_in(tmp_path)
    original = search.search_part

    def cut_short(job, given, task):
        output = original(job, given, task)
        os.truncate(job.scratch / f"{task.name}.npz", 100)
        return output

    monkeypatch.setattr("tripletmine.pipeline.stages.evaluate.search_part", cut_short)
    with pytest.raises(
        CorruptError, match=r"search-validation-00000\.npz is gone or damaged: redo the stage with"
    ):
        finish(spec)


@pytest.mark.parametrize("retrieval", ["instances", "centroids"])
def test_drawn_queries_are_said_and_are_the_same_in_every_stage(tmp_path: Path, retrieval: str) -> None:
    spec = spec_in(tmp_path, queries=10, retrieval=retrieval, knn=3)
    finish(spec)
    _, facts = open_record(spec.root)
    assert {asked.asked for asked in facts.protocols} == {10}
    asked = next(each for each in facts.protocols if each.name == "test")
    assert asked.described.endswith("; 10 of them all are drawn and asked")
    found = metrics(spec)
    for figures in found.values():
        assert figures["queries"] + figures["queries_left_out"] == 10
        assert figures["queries_drawn_from"] in (12, 54)
    assert found["test"] == metrics(spec, "epochs/0000/evaluate")["test"]


def test_of_very_many_pairs_a_new_run_draws_and_an_earlier_one_goes_on_as_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tripletmine.pipeline.resolve.protocols.MOST_PAIRS", 1000)
    spec = spec_in(tmp_path)
    finish(spec)
    _, facts = open_record(spec.root)
    assert {asked.name: asked.drawn for asked in facts.protocols} == {
        "validation": 1000 // 35,
        "validation_across_groups": 1000 // 35,
        "test": 1000 // 53,
        "test_query_to_gallery": 0,
        "test_against_train": 1000 // 48,
    }
    keys = EVALUATE.keys(spec, facts, all_refs(spec)[1])
    assert keys["drawn"]["validation"] == 28

    with open_run(spec) as again:
        assert again.facts == facts
    record = spec.root / "run.json"
    earlier = read_sealed(record)
    del earlier["facts"]["drawn"]
    publish_sealed(record, earlier)
    with open_run(spec) as begun_before:
        assert {asked.drawn for asked in begun_before.facts.protocols} == {0}


def test_a_draw_is_spread_and_depends_on_run_and_protocol() -> None:
    drawn = drawn_of(1000, 100, "test", 7)
    assert len(np.unique(drawn)) == 100
    assert (np.diff(drawn) > 0).all()
    assert 400 < drawn.mean() < 600
    assert drawn.tolist() == drawn_of(1000, 100, "test", 7).tolist()
    assert drawn.tolist() != drawn_of(1000, 100, "validation", 7).tolist()
    assert drawn.tolist() != drawn_of(1000, 100, "test", 8).tolist()
    assert drawn_of(90, 100, "test", 7).tolist() == list(range(90))
    assert Asked("test", 90, 10, 99, drawn=20).asked == 20
