from typing import Any

import pytest
from torch import nn
from tripletmine.models.errors import ModelError
from tripletmine.models.train.frozen import freeze_backbone


def encoder():
    return nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    ).train()


def trainable(network):
    return [name for name, parameter in network.named_parameters() if parameter.requires_grad]


def test_the_last_layer_with_weights_is_left_and_statistics_stay():
    network: Any = encoder()
    freeze_backbone(network)
    assert trainable(network) == ["2.1.weight", "2.1.bias"]
    assert not network[1].training
    assert network[2][1].training


def test_a_module_can_be_named():
    network = encoder()
    freeze_backbone(network, "2")
    assert trainable(network) == ["2.0.weight", "2.0.bias", "2.1.weight", "2.1.bias"]


@pytest.mark.parametrize(
    ("network", "head", "said"),
    [
        (encoder(), "fc", "head is 'fc' but the encoder has no such module: name one of 0, 1, 2"),
        (nn.Linear(3, 2), None, "would train all of the encoder"),
        (nn.Sequential(nn.Linear(3, 2), nn.ReLU()), "1", "would train nothing of the encoder"),
    ],
)
def test_what_freezes_nothing_or_everything_is_refused(network, head, said):
    with pytest.raises(ModelError) as caught:
        freeze_backbone(network, head)
    assert said in str(caught.value)
