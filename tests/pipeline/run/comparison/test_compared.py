"""Runs side by side."""

import json
from pathlib import Path
from typing import Any

import pytest
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.comparison.compared import Line, lines_of, read_runs, settings_that_differ
from tripletmine.pipeline.run.comparison.doubts import doubts_about
from tripletmine.pipeline.run.comparison.findings import findings_of
from tripletmine.pipeline.run.retention import prune

from ...conftest import Finished
from ...runs import finish, opened, small_spec


@pytest.fixture(scope="module")
def unmined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Like the run of digits, but without mining, and with fewer images in each epoch."""
    spec = small_spec(
        tmp_path_factory.mktemp("unmined"),
        run={"name": "unmined"},
        train={"warmup_epochs": 2, "images_per_epoch": 600},
    )
    finish(spec)
    return spec.root


def manifest(root: Path, ref: StageRef) -> dict[str, Any]:
    return json.loads((ref.folder(root) / "manifest.json").read_text())["report"]


def test_lines_are_the_figures_of_the_runs(digits_run: Finished, unmined: Path) -> None:
    runs = read_runs([digits_run.root, unmined])
    assert [run.name for run in runs] == ["digits", "unmined"]
    lines = {line.title: line for line in lines_of(runs)}
    tests = [manifest(root, StageRef(None, "test"))["test"] for root in (digits_run.root, unmined)]
    assert lines["test MAP@R"].values == tuple(test["map_at_r"] for test in tests)
    assert lines["test MAP@R"].differences == (tests[0]["map_at_r"] - tests[1]["map_at_r"],)
    assert "test against train R@1" in lines
    best = lines["best epoch"].values
    of_best = manifest(digits_run.root, StageRef(int(best[0] or 0), "evaluate"))["validation"]
    assert lines["validation R@1"].values[0] == of_best["recall@1"]
    images = [manifest(digits_run.root, StageRef(number, "train"))["images"] for number in (0, 1)]
    assert lines["images trained on"].values == (sum(images), 1200)
    mined = manifest(digits_run.root, StageRef(1, "mine"))["counts"]["triplets"]
    assert lines["triplets mined"].values == (mined, None)
    met = manifest(digits_run.root, StageRef(1, "train"))["mined_met"]
    assert lines["that met in a batch"].values == (met, None)
    assert all(value is not None and value > 0 for value in lines["time of all stages"].values)


def test_other_numbers_of_images_are_a_doubt(digits_run: Finished, unmined: Path) -> None:
    assert doubts_about(read_runs([digits_run.root, unmined])) == (
        "digits and unmined were trained on 2,600 and 1,200 images",
    )


def test_differences_are_to_the_first_run_and_of_metrics_only() -> None:
    assert Line("x", "metric", (0.5, 0.25, None)).differences == (0.25, None)
    assert Line("x", "metric", (None, 0.25)).differences == (None,)
    assert Line("x", "count", (3, 2)).differences == (None,)


def test_settings_that_differ_are_result_keys(digits_run: Finished, unmined: Path) -> None:
    found = settings_that_differ([run.status.spec for run in read_runs([digits_run.root, unmined])])
    assert {each.key: each.values for each in found} == {
        "train.warmup_epochs": (1, 2),
        "train.images_per_epoch": (None, 600),
    }


def test_a_key_at_its_old_behaviour_is_compared_too(tmp_path: Path) -> None:
    """Such a key is in the result keys of one run only."""
    specs = [small_spec(tmp_path), small_spec(tmp_path, mine={"guards": {"duplicate_sq": 0.01}})]
    specs.append(small_spec(tmp_path, mine={"order": "random"}))
    assert {each.key: each.values for each in settings_that_differ(specs)} == {
        "mine.guards.duplicate_sq": (None, 0.01, None),
        "mine.order": ("farthest", "farthest", "random"),
    }


def test_runs_of_one_name_are_told_apart_by_their_places(digits_run: Finished) -> None:
    names = [run.name for run in read_runs([digits_run.root, digits_run.root])]
    assert names == ["digits (1)", "digits (2)"]


def test_a_run_without_stages_has_no_figures_yet(digits_run: Finished, tmp_path: Path) -> None:
    with opened(small_spec(tmp_path, run={"name": "new"})) as (run, _):
        lines = {line.title: line for line in lines_of(read_runs([digits_run.root, run.root]))}
    assert lines["test MAP@R"].values[1] is None
    assert lines["best epoch"].values == (1, None)
    assert lines["images trained on"].values[1] is lines["triplets mined"].values[1] is None
    assert lines["time of all stages"].values[1] == 0


def test_findings_name_classes(digits_run: Finished) -> None:
    found = findings_of(digits_run.root, most=3)
    assert found.epoch == 1
    assert 0 < len(found.hardest) <= 3
    classes = [frozenset((each.anchor_label, each.negative_label)) for each in found.hardest]
    assert len(set(classes)) == len(classes)
    hinges = [each.hinge for each in found.hardest]
    assert hinges == sorted(hinges, reverse=True)
    assert found.mislabelled is not None
    assert found.pairs is not None
    assert sum(each.pairs for each in found.alike) <= found.pairs
    assert all(each.label != each.other_label for each in found.alike)


def test_without_neighbours_the_triplets_are_still_shown(copied_run: Any) -> None:
    spec = copied_run(run={"keep": {"graph": 0}})
    with opened(spec) as (run, _):
        prune(run, 1)
    found = findings_of(spec.root)
    assert found.hardest
    assert (found.mislabelled, found.pairs, found.alike) == (None, None, ())


def test_a_run_that_mined_nothing_has_no_findings(unmined: Path) -> None:
    with pytest.raises(SpecError, match="has triplets"):
        findings_of(unmined)


def test_what_a_damaged_stage_counted_is_not_passed_over(copied_run: Any, digits_run: Finished) -> None:
    spec = copied_run()
    path = StageRef(1, "train").folder(spec.root) / "manifest.json"
    path.write_text(path.read_text()[:-9])
    runs = read_runs([digits_run.root, spec.root])
    lines = {line.title: line for line in lines_of(runs)}
    assert lines["images trained on"].values == (2600, None)
    assert lines["time of all stages"].values[1] is None
    assert doubts_about(runs) == (f"digits (2) is damaged (`tripletmine verify {spec.root}` says where)",)
