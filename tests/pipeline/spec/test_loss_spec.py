import json

from tripletmine.pipeline.spec import loss_spec
from tripletmine.pipeline.spec.loss_spec import LossSpec

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
