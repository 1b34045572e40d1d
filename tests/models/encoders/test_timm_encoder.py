"""The timm encoder, with a stand-in for timm (it is an optional extra)."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from present import present
from torch import nn
from tripletmine.models.encoders.build import build_encoder
from tripletmine.models.encoders.timm_encoder import replace_batch_norm
from tripletmine.models.errors import ModelError


@pytest.fixture
def timm(monkeypatch):
    """`timm.create_model` that makes a tiny network with BatchNorm, or fails like timm for unknown names."""

    def create_model(name, *, pretrained, num_classes, in_chans, drop_rate=0.0):
        if name != "tiny":
            raise RuntimeError(f"Unknown model ({name})")
        return nn.Sequential(
            nn.Conv2d(in_chans, 64, 3),
            nn.Sequential(nn.BatchNorm2d(64)),
            nn.Flatten(),
            nn.LazyLinear(num_classes),
        )

    module: Any = ModuleType("timm")
    module.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", module)


def build(arguments=None, name="timm:tiny", shape=(3, 8, 8)):
    return build_encoder(name, input_shape=shape, embedding_dim=4, arguments=arguments, seed=0)


def test_random_weights_get_group_norm_instead_of_batch_norm(timm):
    encoder = build()
    kinds = [type(module) for module in encoder.modules()]
    assert nn.BatchNorm2d not in kinds
    assert nn.GroupNorm in kinds


def test_pretrained_weights_keep_their_statistics(timm):
    encoder = build({"pretrained": True}).train()
    (norm,) = [module for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)]
    before = present(norm.running_mean).clone()
    encoder(torch.rand(4, 3, 8, 8))
    assert torch.equal(present(norm.running_mean), before)
    assert encoder.training
    assert not norm.training


def test_the_activation_that_timm_puts_into_its_norm_layers_is_kept():
    class NormAct(nn.BatchNorm2d):
        def __init__(self):
            super().__init__(8)
            self.drop, self.act = nn.Identity(), nn.ReLU()

    replaced: Any = replace_batch_norm(nn.Sequential(NormAct()))
    assert [type(module) for module in replaced[0]] == [nn.GroupNorm, nn.Identity, nn.ReLU]


def test_timm_says_itself_that_it_has_no_such_model(timm):
    with pytest.raises(
        ModelError, match=r"timm could not make 'tinny': RuntimeError: Unknown model \(tinny\)"
    ):
        build(name="timm:tinny")


def test_vectors_are_refused(timm):
    with pytest.raises(ModelError, match="needs images: use the encoder 'mlp'"):
        build(shape=(64,))


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"pip install 'tripletmine\[timm\]'"):
        build()
