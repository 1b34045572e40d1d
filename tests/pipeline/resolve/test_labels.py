"""Rows with several labels: which losses are refused, and that only such rows change a fingerprint."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from tripletmine.models.losses.loss import Loss
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.plan.stage import RunFacts
from tripletmine.pipeline.resolve.labels import check_losses, label_keys
from tripletmine.pipeline.resolve.objective import build_objective
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.loss_spec import BESIDE_OTHERS, OF_ONE_CLASS, OF_PAIRS, LossName
from tripletmine.pipeline.runfile.run_spec import RunSpec

FACTS = RunFacts(
    train=240,
    validation=30,
    test=30,
    classes=12,
    singletons=0,
    item_shape=(16,),
    item_bytes=64,
    data_digest="",
    encoder="mlp",
    weights=None,
    encoder_digest="",
)
SEVERAL = replace(FACTS, several=(120, 0, 0))


def spec_of(*names: LossName, **data: Any) -> RunSpec:
    loss: dict[str, Any] = {"weights": dict.fromkeys(names, 1.0)}
    if "library" in names:
        loss["library"] = {"factory": "torch.nn:HuberLoss"}
    if not OF_PAIRS.isdisjoint(names):
        data = {**data, "pairs": "pairs.csv", "values": "values.csv"}
    return parse_spec(
        {"data": {"kind": "arrays", "path": "x.npy", **data}, "loss": loss}, base=Path("/somewhere")
    )


@pytest.mark.parametrize("name", get_args(LossName))
def test_losses_of_one_class_are_those_that_say_so(name: LossName) -> None:
    names = (name, "triplet") if name in BESIDE_OTHERS else (name,)
    loss = build_objective(spec_of(*names), classes=5).terms[name]
    assert isinstance(loss, Loss)
    assert loss.needs_one_class == (name in OF_ONE_CLASS)


@pytest.mark.parametrize("name", get_args(LossName))
def test_they_are_refused_for_rows_with_several_labels(name: LossName) -> None:
    spec = spec_of(name) if name in OF_PAIRS else spec_of(name, "triplet")
    check_losses(spec, FACTS)
    check_losses(spec, replace(FACTS, several=(0, 3, 4)))
    if name not in OF_ONE_CLASS:
        check_losses(spec, SEVERAL)
        return
    message = (
        rf"loss\.weights names {name}, which needs exactly one label per row, but 120 of 240 training rows have "
        r"several: use others \(triplet, global, batch_hard, batch_all, quadruplet, centroid, mdr, lsep, "
        r"hinge_ranking, binary_cross_entropy\)"
    )
    with pytest.raises(SpecError, match=message):
        check_losses(spec, SEVERAL)


def test_the_separator_is_part_of_the_remedy() -> None:
    with pytest.raises(SpecError, match=r'without data\.label_separator "a\|b" is one label'):
        check_losses(spec_of("hist", label_separator="|"), SEVERAL)


def test_only_training_rows_with_several_labels_have_a_key() -> None:
    assert label_keys(FACTS) == label_keys(replace(FACTS, several=(0, 9, 9))) == {}
    assert label_keys(SEVERAL) == {"labels": "sets"}


def test_facts_of_an_earlier_version_are_read() -> None:
    written = SEVERAL.as_json()
    assert RunFacts.from_json(written) == SEVERAL
    del written["several"]
    assert RunFacts.from_json(written) == FACTS
