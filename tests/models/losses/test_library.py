"""Losses of pytorch-metric-learning and of users, through the adapter."""

import sys

import pytest
import torch
from torch import nn
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.library import LibraryLoss, library_loss
from tripletmine.models.losses.settings import LibrarySettings

from .examples import CLASSES, UNEVEN, WIDTH, features, gradient, inputs_of

PML = "pytorch_metric_learning.losses:"

USERS = """
from torch import nn

class Spread(nn.Module):
    def __init__(self, embedding_size, power=1):
        super().__init__()
        self.weight = nn.Parameter(nn.init.ones_(nn.Linear(embedding_size, 1).weight))
        self.power = power

    def forward(self, embeddings, labels):
        return (embeddings * self.weight).abs().pow(self.power).mean() + 0 * labels.sum()

class Rows(Spread):
    def forward(self, embeddings, labels):
        return embeddings.sum(dim=1)

def nothing():
    return 3
"""


@pytest.fixture
def users(tmp_path):
    (tmp_path / "mine.py").write_text(USERS)
    return f"{tmp_path / 'mine.py'}:"


def made(reference, rate=None, **options):
    torch.manual_seed(0)
    return library_loss(reference, classes=CLASSES, width=WIDTH, settings=LibrarySettings(rate), **options)


def test_contrastive_loss_against_loops():
    pytest.importorskip("pytorch_metric_learning")
    inputs = inputs_of(features())
    near = [d.sqrt() for d in inputs.sq_distances[(UNEVEN[:, None] == UNEVEN).triu(1)]]
    far = [(0.9 - d.sqrt()).clamp_min(0) for d in inputs.sq_distances[UNEVEN[:, None] != UNEVEN]]
    # Means over the pairs whose loss is not 0.
    means = [torch.stack(part).sum() / max(1, sum(x > 0 for x in part)) for part in (near, far)]
    found = made(PML + "ContrastiveLoss", arguments={"pos_margin": 0.0, "neg_margin": 0.9})(inputs)
    assert found.item() == pytest.approx(torch.stack(means).sum().item(), rel=1e-6)


@pytest.mark.parametrize("name", ["ProxyAnchorLoss", "MultiSimilarityLoss", "ArcFaceLoss", "SoftTripleLoss"])
def test_others_give_finite_gradients_to_rows_and_weights(name):
    pytest.importorskip("pytorch_metric_learning")
    loss = made(PML + name)
    _, to_rows, own = gradient(loss, features(dtype=torch.float32))
    assert to_rows.any()
    assert torch.isfinite(to_rows).all()
    assert all(torch.isfinite(found).all() and found.any() for found in own.values())
    for parameter in loss.parameters():
        assert {CLASSES, WIDTH} & set(parameter.shape)


def test_a_users_loss_gets_the_sizes_that_it_asks_for(users):
    loss = made(users + "Spread", arguments={"power": 2}, rate=0.25)
    assert loss.module.weight.shape == (1, WIDTH)
    inputs = inputs_of(features(dtype=torch.float32))
    assert loss(inputs).item() == pytest.approx(inputs.embeddings.square().mean().item())
    assert [group.rate for group in loss.parameter_groups()] == [0.25]


def test_a_loss_by_row_is_refused(users):
    with pytest.raises(ModelError, match=r"mine\.py:Rows' returned \(9,\) but must return one number"):
        made(users + "Rows")(inputs_of(features(dtype=torch.float32)))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Spread", {"pwer": 1}, r"takes no argument 'pwer' .*did you mean 'power'\?"),
        ("nothing", {}, "made a int but must make a torch.nn.Module"),
        ("Sprad", {}, "has no 'Sprad': did you mean 'Spread'"),
    ],
)
def test_what_cannot_be_made_is_refused(users, name, arguments, message):
    with pytest.raises(ModelError, match=message):
        made(users + name, arguments=arguments)


def test_a_constructor_that_fails_is_named():
    with pytest.raises(ModelError, match=r"loss 'torch\.nn:Linear' failed: TypeError"):
        made("torch.nn:Linear")


def test_without_the_library_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("pytorch_metric_learning")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)
    with pytest.raises(ModelError, match=r"pip install 'tripletmine\[metric-learning\]'"):
        made(PML + "ContrastiveLoss")


def test_its_rate_is_checked():
    with pytest.raises(ModelError, match=r"^rate is 0"):
        LibraryLoss(nn.Identity(), subject="loss", settings=LibrarySettings(rate=0.0))
