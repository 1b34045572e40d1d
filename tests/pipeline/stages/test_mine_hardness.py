"""The k of an epoch, chosen from real manifests."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tripletmine.mining.hardness.candidates import evaluate_candidates
from tripletmine.mining.hardness.controller import ControllerSettings
from tripletmine.mining.rule import MiningRule
from tripletmine.pipeline.artifacts.neighbours import rows_of_table, sampled_rows
from tripletmine.pipeline.artifacts.suspects import MISLABELLED, excluded_rows
from tripletmine.pipeline.errors import SpecError, StaleError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import set_aside
from tripletmine.pipeline.run.epochs import all_refs
from tripletmine.pipeline.run.redo import from_stage
from tripletmine.pipeline.run.runner import make_job
from tripletmine.pipeline.stages import mine
from tripletmine.pipeline.stages.mine import MINE
from tripletmine.pipeline.stages.mine_hardness import hardness_keys, hardness_parents
from tripletmine.pipeline.storage.manifest import read_manifest
from tripletmine.pipeline.workers.opened import labels_of

from ..runs import finish, finish_opened, opened, small_spec


def reports(root: Path, epochs: range) -> list[dict]:
    return [dict(read_manifest(StageRef(epoch, "mine").folder(root)).report) for epoch in epochs]  # type: ignore[union-attr]


def test_the_controller_takes_over_from_the_decay_and_stores_why(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"epochs": 5}, mine={"k_first_epochs": 2, "sample": 300})
    finish(spec)
    found = reports(spec.root, range(1, 5))
    by = [report["hardness"]["by"].partition(":")[0] for report in found]
    assert by[:2] == ["decay", "decay"]
    assert "decay" not in by[2:]
    ks = [report["k_hardness"] for report in found]
    assert all(abs(b - a) <= spec.mine.k_step + 1e-9 for a, b in pairwise(ks))
    why = found[3]["hardness"]
    assert [record["epoch"] for record in why["history"]] == [0, 1, 2]
    assert [record["k_hardness"] for record in why["history"]] == ks[:3]
    assert len(why["candidates"]) == spec.mine.k_grid
    assert set(why["regression"]["features"]) == {"k_hardness", "e_train", "epoch"}


def test_suspects_are_left_out_of_what_the_controller_judges(tmp_path: Path) -> None:
    knobs = {"k_first_epochs": 2, "sample": 400, "exclude_suspects": 0.4}
    spec = small_spec(tmp_path, run={"epochs": 4}, mine=knobs)
    with opened(spec) as (run, executor):
        finish_opened(run, executor)
        job = make_job(run, MINE, StageRef(3, "mine"))
    excluded = excluded_rows(job.folder / MISLABELLED, job.facts.train)
    anchors = sampled_rows(job.facts.train, 400, spec.run.seed)
    assert excluded[anchors].any()
    table, labels = rows_of_table(job, anchors), labels_of(job.root, job.facts.data_digest)
    rule = MiningRule(k_hardness=1.0, margin=spec.mine.margin)
    found = reports(spec.root, range(3, 4))[0]["hardness"]["candidates"]
    for left_out, same in ((excluded, True), (None, False)):
        grid = spec.mine.build(ControllerSettings).grid
        expected = evaluate_candidates(table, labels, rule, grid, anchors=anchors, excluded=left_out)
        told = [(each["e_train"], each["coverage"]) for each in found]
        assert (told == [(each.e_train, each.coverage) for each in expected]) is same


def test_only_an_adaptive_run_that_leaves_out_suspects_has_another_fingerprint(tmp_path: Path) -> None:
    assert hardness_keys(small_spec(tmp_path)) == {}
    assert hardness_keys(small_spec(tmp_path, mine={"exclude_suspects": 0.9, "hardness": "linear"})) == {}
    assert hardness_keys(small_spec(tmp_path, mine={"exclude_suspects": 0.9})) != {}


def test_a_run_that_was_judged_with_suspects_is_refused_until_it_is_redone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec(tmp_path, mine={"exclude_suspects": 0.4})
    with monkeypatch.context() as earlier:
        earlier.setattr(mine, "hardness_keys", lambda _spec: {})
        finish(spec)
    message = (
        r"mine of epoch 1 .* judged candidates for k on suspects.*redo it with --from-stage mine --epoch 1"
    )
    with pytest.raises(StaleError, match=message):
        finish(spec)
    set_aside(spec.root, from_stage(all_refs(spec), "mine", 1))
    assert [result.ref.epoch for result in finish(spec) if result.skipped] == [0, 0, 1, 1]


def test_a_linear_decay_reads_no_history(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"epochs": 3}, mine={"hardness": "linear", "k_epochs": 2})
    assert hardness_parents(spec, StageRef(2, "mine")) == ()
    finish(spec)
    assert [report["k_hardness"] for report in reports(spec.root, range(1, 3))] == [1.0, 0.9]


def test_the_history_is_that_of_all_mined_epochs_before(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    assert hardness_parents(spec, StageRef(1, "mine")) == (StageRef(0, "evaluate"),)
    assert set(hardness_parents(spec, StageRef(3, "mine"))) == {
        StageRef(1, "mine"), StageRef(2, "mine"), *(StageRef(epoch, "evaluate") for epoch in range(3))
    }  # fmt: skip


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        (
            {"k_min": 1.1, "k_max": 0.9},
            r"run file: mine\.k_min is 1\.1 but k_max is 0\.9: lower k_min or raise k_max",
        ),
        ({"k_start": 1.5}, r"mine\.k_start is 1\.5 but must lie between .* or choose hardness = \"linear\""),
        ({"k_step": 0.01}, r"mine\.k_step is 0\.01 but the 11 candidates .* lie 0\.05 apart"),
    ],
)
def test_knobs_that_contradict_one_another_are_refused_with_the_run_file(
    knobs: dict, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=message):
        small_spec(tmp_path, mine=knobs)
    assert small_spec(tmp_path, mine={**knobs, "hardness": "linear"}).mine.hardness == "linear"


def test_the_sample_is_the_same_for_a_seed_and_has_no_row_twice() -> None:
    assert np.array_equal(sampled_rows(10, 20, 0), np.arange(10))
    drawn = sampled_rows(1000, 50, 3)
    assert np.array_equal(drawn, sampled_rows(1000, 50, 3))
    assert len(np.unique(drawn)) == 50
    assert (np.diff(drawn) > 0).all()
