"""[loss] of the run file: what it builds, what it refuses, and that first weights follow from seed and name only."""

from pathlib import Path
from typing import Any, get_args

import pytest
from tripletmine.models.losses.centre import CentreLoss
from tripletmine.models.losses.hist import HistLoss
from tripletmine.models.losses.library import LibraryLoss
from tripletmine.models.losses.settings import BatchAllSettings, BatchHardSettings
from tripletmine.models.losses.triplet import TripletLoss
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.resolve.objective import build_objective
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.loss_spec import BESIDE_OTHERS, OF_PAIRS, LossName
from tripletmine.pipeline.runfile.run_spec import RunSpec

WITH_A_LIBRARY = {"library": {"factory": "torch.nn:HuberLoss"}}
TUNED: dict[str, Any] = {
    "weights": {"mdr": 0.5, "hist": 2.0, "centre": 0.01, "triplet": 1.0, "batch_all": 1.0, "batch_hard": 1.0},
    "margin": 0.3,
    "triplets": "semi_hard",
    "hist": {"tau": 32.0, "alpha": 1.1, "hidden": 32, "distribution_rate": 0.1},
    "mdr": {"levels": [-1.0, 1.0]},
    "centre": {"centre_rate": 0.25},
    "batch_all": {"margin": 0.1, "mean": "all"},
    "batch_hard": {"margin": 0.4, "relative": False},
}


def spec_of(loss: dict[str, Any], **sections: Any) -> RunSpec:
    return parse_spec({"data": {"kind": "digits"}, "loss": loss, **sections}, base=Path("/somewhere"))


def names_of(spec: RunSpec) -> list[str]:
    return list(build_objective(spec, classes=7).terms)


def test_by_default_it_is_the_loss_of_smart_mining() -> None:
    objective = build_objective(spec_of({}), classes=7)
    assert objective.weights == {"triplet": 1.0, "global": 1.0}


@pytest.mark.parametrize("name", get_args(LossName))
def test_every_loss_can_be_named(name: LossName) -> None:
    weights = {name: 0.6, **({"triplet": 1.0} if name in BESIDE_OTHERS else {})}
    files = {"pairs": "pairs.csv", "values": "values.csv"} if name in OF_PAIRS else {}
    loss = {"weights": weights, **(WITH_A_LIBRARY if name == "library" else {})}
    spec = spec_of(loss, data={"kind": "digits", **files})
    assert build_objective(spec, classes=7).weights == weights
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


def test_parameters_arrive_where_they_belong() -> None:
    spec = spec_of(TUNED, encoder={"embedding_dim": 12})
    terms: Any = build_objective(spec, classes=7).terms
    triplet, hist, centre = terms["triplet"], terms["hist"], terms["centre"]
    assert isinstance(triplet, TripletLoss)
    assert isinstance(hist, HistLoss)
    assert isinstance(centre, CentreLoss)
    assert triplet.margin == 0.3
    assert (hist.settings.tau, hist.settings.alpha, hist.settings.distribution_rate) == (32.0, 1.1, 0.1)
    assert hist.prototypes.means.shape == (7, 12)
    assert hist.network.first.out_features == 32
    assert terms["mdr"].levels.tolist() == [-1.0, 1.0]
    assert (centre.settings.centre_rate, centre.weight) == (0.25, 0.01)
    assert terms["batch_all"].settings == BatchAllSettings(0.1, "all")
    assert terms["batch_hard"].settings == BatchHardSettings(0.4, relative=False)
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


def test_a_loss_from_a_library_gets_its_arguments() -> None:
    spec = spec_of(
        {
            "weights": {"library": 1},
            "library": {"factory": "torch.nn:HuberLoss", "arguments": {"delta": 0.5}, "rate": 0.1},
        }
    )
    loss = build_objective(spec, classes=7).terms["library"]
    assert isinstance(loss, LibraryLoss)
    assert loss.module.delta == 0.5
    assert loss.settings.rate == 0.1


def test_a_loss_in_a_file_is_found_where_the_python_path_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "our_losses.py").write_text("from torch import nn\n\nclass Ours(nn.HuberLoss):\n    pass\n")
    weights = {"library": 1.0}
    with pytest.raises(SpecError, match="put the file on the Python path and name its module"):
        spec_of({"weights": weights, "library": {"factory": f"{tmp_path}/our_losses.py:Ours"}})
    monkeypatch.syspath_prepend(tmp_path)
    named = spec_of({"weights": weights, "library": {"factory": "our_losses:Ours"}})
    assert isinstance(build_objective(named, classes=5).terms["library"], LibraryLoss)


def test_the_order_in_the_run_file_does_not_matter() -> None:
    one = spec_of({"weights": {"hist": 1, "triplet": 1, "mdr": 1}})
    other = spec_of({"weights": {"mdr": 1, "triplet": 1, "hist": 1}})
    assert names_of(one) == names_of(other) == ["triplet", "hist", "mdr"]


def first_weights(loss: dict[str, Any], seed: int = 0) -> Any:
    spec = spec_of(loss, run={"seed": seed})
    return build_objective(spec, classes=7).state_dict()["terms.hist.network.first.weight"]


def test_first_weights_follow_from_the_seed_and_not_from_other_losses() -> None:
    alone = first_weights({"weights": {"hist": 1}})
    assert alone.equal(first_weights({"weights": {"hist": 1, "classification": 1, "triplet": 1}}))
    assert not alone.equal(first_weights({"weights": {"hist": 1}}, seed=1))


REFUSED = [
    ({"loss": {"weights": {}}}, "loss.weights"),
    (
        {"loss": {"weights": {"tripplet": 1}}},
        "loss.weights is \"tripplet\" but must be one of 'triplet', 'global', 'batch_hard',",
    ),
    (
        {"loss": {"weights": {"hist": 0}}},
        r"loss\.weights\.hist is 0.0 but must be above 0: raise it, or leave hist out",
    ),
    (
        {"loss": {"weights": {"mdr": 1, "centre": 1}}},
        "names only mdr, centre, which would pull all rows to one point, whatever their class: add",
    ),
    (
        {"loss": {"hist": {"tau": 32.0}}},
        r"loss\.hist\.tau is 32.0 but loss.weights names only triplet, global: add hist",
    ),
    (
        {"loss": {"weights": {"library": 1}}},
        r"names library but loss.library.factory is missing: name the loss",
    ),
    (
        {"loss": {"weights": {"library": 1}, "library": {"factory": "mine.py:Loss"}}},
        r'loss.library.factory is "mine.py:Loss" but must be "module:Name"',
    ),
    (
        {"loss": {"weights": {"hist": 1}}, "train": {"batches": "triplets"}},
        r'train.batches is "triplets" but no loss of loss.weights \(hist\) learns from triplets: add triplet',
    ),
    (
        {"loss": {"triplets": "stored"}},
        r'loss.triplets is "stored" but train.batches is "auto", which have no stored triplets',
    ),
    (
        {"loss": {"weights": {"hist": 1}, "triplets": "semi_hard"}},
        r'loss.triplets is "semi_hard" but no loss of loss.weights \(hist\) learns from triplets',
    ),
    (
        {"encoder": {"normalise": False}},
        "encoder.normalise is false, and the global loss assumes distances of unit vectors: remove",
    ),
]


@pytest.mark.parametrize(("sections", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_with_the_reason(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec_of(**{"loss": {}, **sections})
