import json
from pathlib import Path
from typing import Any

import pytest
from tripletmine.pipeline.runfile import loss_spec
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.loss_spec import LossSpec
from tripletmine.pipeline.runfile.run_spec import RunSpec

OF_THE_SUM = {"weights", "triplets", "margin", "lambda_global", "t_global"}


def test_losses_that_are_left_out_are_not_recorded() -> None:
    spec = LossSpec(weights={"triplet": 1.0, "hist": 0.5})
    assert json.loads(spec.model_dump_json()).keys() == spec.result_keys().keys() == {*OF_THE_SUM, "hist"}
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


BOTH = {"triplet": 1.0, "global": 1.0}


@pytest.mark.parametrize(
    ("batches", "loss", "weights"),
    [
        ("auto", {}, BOTH),
        ("triplets", {}, {"triplet": 1.0}),
        ("triplets", {"margin": 0.1}, {"triplet": 1.0}),
        ("triplets", {"triplets": "stored"}, {"triplet": 1.0}),
        ("triplets", {"triplets": "boundary"}, BOTH),
        ("triplets", {"t_global": 0.1}, BOTH),
        ("triplets", {"lambda_global": 0.5}, BOTH),
        ("triplets", {"weights": BOTH}, BOTH),
    ],
)
def test_stored_triplets_are_trained_without_the_global_loss_unless_somebody_asks_for_it(
    batches: str, loss: dict[str, Any], weights: dict[str, float]
) -> None:
    keys = {"data": {"kind": "digits"}, "train": {"batches": batches}, "loss": loss}
    spec = parse_spec(keys, base=Path())
    assert spec.loss.weights == weights
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec
