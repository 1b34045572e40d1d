"""The result keys of a run file that says nothing: they enter fingerprints, so a change makes every run stale."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from tripletmine.pipeline.runfile.data_spec import Kind
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.loss_spec import BESIDE_OTHERS, OF_PAIRS, LossName
from tripletmine.pipeline.runfile.section import Section

SNAPSHOT = json.loads(Path(__file__).with_name("result_keys.json").read_text())


def result_keys(**sections: Any) -> dict[str, Any]:
    spec = parse_spec({"data": {"kind": "digits"}, **sections}, base=Path("/"))
    found = {name: getattr(spec, name) for name in type(spec).model_fields}
    return {name: part.result_keys() for name, part in found.items() if isinstance(part, Section)}


def of_loss(name: LossName) -> dict[str, Any]:
    loss: dict[str, Any] = {"weights": {name: 1.0} | ({"triplet": 1.0} if name in BESIDE_OTHERS else {})}
    loss |= {"library": {"factory": "a.b:C"}} if name == "library" else {}
    files = {"pairs": "pairs.csv", "values": "values.csv"} if name in OF_PAIRS else {}
    return result_keys(loss=loss, data={"kind": "digits", **files})["loss"]


def test_defaults() -> None:
    assert result_keys() == SNAPSHOT["sections"]


@pytest.mark.parametrize("name", get_args(LossName))
def test_defaults_of_a_loss(name: LossName) -> None:
    assert of_loss(name) == SNAPSHOT["losses"][name]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_defaults_of_a_kind_of_data(kind: Kind) -> None:
    path = {} if kind in ("letters", "digits", "fashion-mnist") else {"path": "x"}
    expected = SNAPSHOT["sections"] | {"data": SNAPSHOT["sections"]["data"] | {"kind": kind}}
    assert result_keys(data={"kind": kind, **path}) == expected
