"""Every loss in the trainer: a resume keeps what it has learnt, and one process and two learn the same."""

import pytest
import torch
from tripletmine.models.encoders.checkpoints import load_tensors, save_tensors

from .. import launcher
from ..losses.examples import METHODS
from . import steps
from .steps import STEPS, plan, train, trainer


def differing(one, other):
    assert one.keys() == other.keys()
    return [name for name, value in one.items() if not torch.equal(value, other[name])]


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("batches", ["class_balanced", "neighbourhood"])
@pytest.mark.parametrize("name", METHODS)
def test_a_resume_in_mid_epoch_through_a_file_is_bit_identical(name, batches, autocast, tmp_path):
    found, rule = plan(batches)
    whole = trainer(name, rule, autocast=autocast)
    records = train(whole, found)

    broken = trainer(name, rule, autocast=autocast)
    train(broken, found, stop=2)
    save_tensors(tmp_path / "state.safetensors", broken.state())
    resumed = trainer(name, rule, seed=9, autocast=autocast)
    resumed.load_state(load_tensors(tmp_path / "state.safetensors")[0])

    assert train(resumed, found, start=2) == records[2:]
    assert differing(whole.state(), resumed.state()) == []


@pytest.mark.parametrize("name", METHODS)
def test_what_a_loss_has_learnt_is_part_of_the_state(name):
    found, rule = plan("class_balanced")
    learner = trainer(name, rule)
    before = learner.state()
    train(learner, found)
    after = learner.state()
    own = {key for key in after if key.startswith(f"objective/terms.{name}.")}
    assert len(own) == len(learner.objective.terms[name].state_dict())
    assert own <= set(differing({key: after[key] for key in before}, before))


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """(method, rank) → all that the trainer of that process holds after its steps, and its losses."""
    return launcher.in_two_processes(steps.__file__, tmp_path_factory.mktemp("two"), METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_train_what_one_trains(states, name):
    found, rule = plan("neighbourhood")
    alone = trainer(name, rule, kind="sgd")
    records = train(alone, found)
    assert len(records) == STEPS
    one, two = alone.state(), dict(states[name, 0])
    assert differing(two, states[name, 1]) == []
    losses = two.pop("losses")
    expected = torch.tensor([record.loss for record in records], dtype=torch.float64)
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=0)
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(
            two[key], value, rtol=1e-3, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}"
        )
