"""The weighted sum of losses: values, gradients, batches without triplets, and how its parameters are grouped."""

import pytest
import torch
from present import present
from torch import nn
from tripletmine.models.distances import pairwise_sq_distances
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.global_loss import GlobalLoss
from tripletmine.models.losses.loss import Loss, LossInputs
from tripletmine.models.losses.objective import Objective, Term
from tripletmine.models.losses.settings import GlobalSettings
from tripletmine.models.losses.triplet import TripletLoss
from tripletmine.models.parameter_groups import ParameterGroup
from tripletmine.models.rules.in_batch import TripletSelection

from .test_losses import TRIPLETS, counted, lists, slow_global, slow_triplet, unit


def inputs(embeddings, triplets, margin=0.2):
    distances = pairwise_sq_distances(embeddings)
    _, trained, active = counted(embeddings, triplets, margin)
    picked = TripletSelection(trained, active, len(triplets), active.triplets)
    return LossInputs(
        embeddings, embeddings, distances, torch.zeros(len(embeddings), dtype=torch.int64), picked
    )


def smart_mining(margin=0.2, gamma=1.0, **of_global):
    return Objective(
        {"triplet": Term(TripletLoss(margin), gamma), "global": Term(GlobalLoss(GlobalSettings(**of_global)))}
    )


class Bias(Loss):
    """A loss with one learnt number, which needs no triplets."""

    needs_triplets = False

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(3.0))

    def forward(self, inputs):
        return self.value * inputs.embeddings.sum()


class Forgetful(Bias):
    def parameter_groups(self):
        return []


class OwnRate(Bias):
    def parameter_groups(self):
        return [ParameterGroup((self.value,), rate=0.5, kind="sgd", momentum=0.0)]


def test_the_total_is_the_weighted_sum_of_the_same_triplets():
    distances = lists(unit(), TRIPLETS)
    hinge, spread = slow_triplet(*distances, 0.3), slow_global(*distances, 0.5, 0.7)
    objective = smart_mining(0.3, gamma=2.0, t_global=0.5, lambda_global=0.7)
    total, parts, teaches = objective(inputs(unit(), TRIPLETS, 0.3))
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(
        {"triplet": hinge, "global": spread}, rel=1e-6
    )
    assert total.item() == pytest.approx(2 * hinge + spread, rel=1e-6)
    assert teaches


@pytest.mark.parametrize("margin", [0.05, 0.2, 1.5])
def test_the_gradient_is_that_of_finite_differences(margin):
    x = unit().requires_grad_()
    objective = smart_mining(margin)
    assert torch.autograd.gradcheck(lambda z: objective(inputs(z, TRIPLETS, margin)).total, (x,), atol=1e-4)


def test_equal_embeddings_give_a_finite_gradient():
    x = torch.full((6, 4), 0.5, requires_grad=True)
    smart_mining()(inputs(x, TRIPLETS)).total.backward()
    assert torch.isfinite(present(x.grad)).all()


def test_without_triplets_only_losses_that_need_none_are_computed():
    x = unit().requires_grad_()
    total, parts, teaches = smart_mining()(inputs(x, []))
    assert (total.item(), [part.item() for part in parts.values()], teaches) == (0, [0, 0], False)
    total.backward()
    assert (x.grad == 0).all()

    mixed = Objective({"triplet": Term(TripletLoss(0.2)), "bias": Term(Bias(), 2.0)})
    total, parts, teaches = mixed(inputs(unit(), []))
    assert teaches
    assert parts["triplet"].item() == 0
    assert total.item() == pytest.approx(6 * unit().sum().item())


def test_parameters_of_losses_are_in_its_state_and_in_its_groups():
    objective = Objective({"triplet": Term(TripletLoss(0.2)), "own": Term(OwnRate()), "bias": Term(Bias())})
    assert list(objective.state_dict()) == ["terms.own.value", "terms.bias.value"]
    groups = objective.parameter_groups()
    assert [(group.rate, group.kind) for group in groups] == [(0.5, "sgd"), (None, None)]


def test_a_loss_that_forgets_a_parameter_is_refused():
    with pytest.raises(ModelError, match=r"groups of the loss lost hold 0 parameters but it has 1"):
        Objective({"lost": Term(Forgetful())}).parameter_groups()


def test_no_terms_and_negative_weights_are_refused():
    with pytest.raises(ModelError, match="an objective has no terms"):
        Objective({})
    with pytest.raises(ModelError, match=r"weight of triplet is -1"):
        Objective({"triplet": Term(TripletLoss(0.2), -1.0)})
