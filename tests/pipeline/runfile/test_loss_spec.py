import json
from pathlib import Path
from typing import Any

import pytest
from tripletmine.pipeline.runfile import loss_spec
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.loss_spec import LossSpec
from tripletmine.pipeline.runfile.run_spec import RunSpec

OF_THE_SUM = {"weights", "triplets", "margin", "lambda_global", "t_global"}
SINCE = {"global_over"}
"""Keys that are recorded, but left out of the result keys at their old behaviour."""


def test_losses_that_are_left_out_are_not_recorded() -> None:
    spec = LossSpec(weights={"triplet": 1.0, "hist": 0.5})
    assert spec.result_keys().keys() == {*OF_THE_SUM, "hist"}
    assert json.loads(spec.model_dump_json()).keys() == {*OF_THE_SUM, *SINCE, "hist"}
    assert LossSpec.model_validate_json(spec.model_dump_json()) == spec


def test_a_record_outlives_new_defaults_of_losses_that_it_never_had() -> None:
    spec = LossSpec()
    recorded, keys = spec.model_dump_json(), spec.result_keys()

    class Sharper(loss_spec.HistSpec):
        tau: float = 1000.0

    class NewerSpec(LossSpec):
        hist: loss_spec.HistSpec = Sharper()

    newer = NewerSpec.model_validate_json(recorded)
    assert newer.hist.tau == 1000.0
    assert newer.result_keys() == keys


@pytest.mark.parametrize(
    ("batches", "named", "order", "global_over"),
    [
        ("auto", {}, "farthest", "triplets"),
        ("class_balanced", {}, "farthest", "triplets"),
        ("triplets", {}, "random", "batch"),
        ("triplets", {"loss": {"triplets": "stored"}}, "random", "batch"),
        ("triplets", {"loss": {"triplets": "both"}}, "random", "batch"),
        ("triplets", {"loss": {"triplets": "boundary"}}, "random", "triplets"),
        ("triplets", {"mine": {"order": "farthest"}}, "farthest", "batch"),
        ("triplets", {"loss": {"global_over": "triplets"}}, "random", "triplets"),
    ],
)
def test_stored_triplets_have_defaults_of_their_own_where_the_run_file_names_none(
    batches: str, named: dict[str, Any], order: str, global_over: str
) -> None:
    spec = parse_spec({"data": {"kind": "digits"}, "train": {"batches": batches}, **named}, base=Path())
    assert (spec.mine.order, spec.loss.global_over) == (order, global_over)
    assert spec.loss.weights == {"triplet": 1.0, "global": 1.0}
    assert (spec.run.epochs, spec.train.warmup_epochs) == ((8, 2) if spec.trains_stored else (3, 1))


@pytest.mark.parametrize(
    "named", [{"run": {"epochs": 4}}, {"train": {"images_per_epoch": 500}}, {"train": {"warmup_epochs": 0}}]
)
def test_who_names_the_length_of_a_run_gets_it(named: dict[str, Any]) -> None:
    keys = {"data": {"kind": "digits"}, **named, "train": {"batches": "triplets", **named.get("train", {})}}
    spec = parse_spec(keys, base=Path())
    assert spec.run.epochs == named.get("run", {}).get("epochs", 3)
    assert spec.train.warmup_epochs == named.get("train", {}).get("warmup_epochs", 1)
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


PAPERS = {
    name: field.annotation
    for name, field in LossSpec.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, loss_spec.PaperSection)
}


def _loss_keys(name: str, **keys: Any) -> dict[str, Any]:
    weights = {"triplet": 1.0, name: 1.0}
    return LossSpec.model_validate({"weights": weights, name: keys}).result_keys()[name]


@pytest.mark.parametrize("name", PAPERS)
def test_a_papers_own_settings_are_recorded_by_value(name: str) -> None:
    """So that naming them one by one is the same run, and a change of the shorthand does not go unnoticed."""
    wanted = PAPERS[name].settings.paper
    assert wanted
    by_shorthand = _loss_keys(name, paper=True)
    assert by_shorthand == _loss_keys(name, **wanted)
    assert by_shorthand != _loss_keys(name)
    assert "paper" not in by_shorthand
    build = LossSpec.model_validate({"weights": {"triplet": 1.0, name: 1.0}, name: {"paper": True}})
    settings = getattr(build, name).build(PAPERS[name].settings)
    assert {key: getattr(settings, key) for key in wanted} == dict(wanted)


def test_a_key_that_is_named_goes_before_the_papers() -> None:
    assert _loss_keys("mdr", paper=True, nu=0.5) == _loss_keys("mdr", nu=0.5, statistics="matrix")


def test_the_paper_of_a_loss_that_is_left_out_is_refused() -> None:
    with pytest.raises(ValueError, match=r"loss\.mdr\.paper is True but loss\.weights names only triplet"):
        LossSpec.model_validate({"weights": {"triplet": 1.0}, "mdr": {"paper": True}})
