"""What a run file may not say of a run whose vectors are given, with remedies that work."""

from pathlib import Path
from typing import Any, cast

import pytest
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec

from ...remedies import Call, Refusal


def call(**sections: dict[str, Any]) -> Call:
    keys = {
        "data": {"kind": "arrays", "path": "vectors.npz", **sections.pop("data", {})},
        "encoder": {"name": "identity", "embedding_dim": 8, **sections.pop("encoder", {})},
        **sections,
    }
    return lambda: parse_spec(keys, base=Path())


REFUSALS = {
    f"{section}.{key}": Refusal(call(**{section: {key: value}}), f"remove {section}.{key}", call())
    for section, key, value in (
        ("run", "epochs", 2),
        ("run", "patience", 1),
        ("data", "augment", {"shift": 1}),
        ("encoder", "weights", "encoder.safetensors"),
        ("encoder", "layer_norm", True),
        ("mine", "every", 2),
        ("train", "warmup_epochs", 1),
        ("train", "learning_rate", 0.1),
        ("loss", "weights", {"lsep": 1}),
        ("loss", "margin", 0.3),
    )
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(SpecError)


def test_there_is_one_epoch_and_k_is_as_it_says() -> None:
    spec = cast("RunSpec", call(mine={"k_start": 0.9, "k_end": 0.9}, train={"compute_threads": 1})())
    assert (spec.run.epochs, spec.train.warmup_epochs, spec.mine.hardness) == (1, 0, "linear")
    assert spec.mines(0)
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec
