"""The gradient of a batch that is embedded in pieces is that of the batch embedded whole."""

import pytest
import torch
from present import present
from torch import nn
from tripletmine.models.train.encoder_pass import EncoderPass

CPU = torch.device("cpu")


class Counting(nn.Module):
    """A network with dropout and a running statistic."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.Dropout(dropout), nn.Tanh(), nn.Linear(8, 3))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, images):
        self.seen += len(images)
        return self.layers(images)


def made(dropout=0.0, **changes):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = Counting(dropout)
    settings = {"device": CPU, "layout": torch.contiguous_format, "autocast": False, "seed": 7, **changes}
    return encoder, EncoderPass(encoder, forward=encoder, **settings)


def images(rows=10):
    return torch.randn(rows, 6, generator=torch.Generator().manual_seed(1))


def loss_of(features):
    """A loss over all pairs, so that no piece could compute its part alone."""
    return (features @ features.T).square().mean() + torch.cdist(features[:3], features[3:]).amin()


def gradients(dropout, pieces, first=0):
    encoder, encode = made(dropout)
    features, backward = encode(images(), step=2, first=first, pieces=pieces)
    leaf = features.requires_grad_()
    loss_of(leaf).backward()
    backward(present(leaf.grad))
    return features.detach(), [present(parameter.grad) for parameter in encoder.parameters()], encoder


@pytest.mark.parametrize("pieces", [2, 3, 10])
def test_pieces_give_the_gradient_of_the_whole(pieces):
    whole, in_pieces = gradients(0.0, 1), gradients(0.0, pieces)
    torch.testing.assert_close(whole[0], in_pieces[0])
    torch.testing.assert_close(whole[1], in_pieces[1])


def test_with_dropout_the_second_pass_drops_what_the_first_dropped():
    """Against one graph through both halves, each with the random numbers of its first row."""
    _, found, _ = gradients(0.5, 2)
    encoder, encode = made(0.5)
    halves = [encode._embed(images()[rows], 2, rows.start) for rows in (slice(0, 5), slice(5, 10))]
    loss_of(torch.cat(halves)).backward()
    torch.testing.assert_close(found, [parameter.grad for parameter in encoder.parameters()])
    assert not torch.equal(found[0], gradients(0.0, 2)[1][0])


def test_dropout_depends_on_step_and_place_only():
    _, encode = made(0.5)
    same = [encode(images(), step=1, first=4, pieces=1).features for _ in range(2)]
    assert torch.equal(*same)
    assert not torch.equal(same[0], encode(images(), step=2, first=4, pieces=1).features)
    assert not torch.equal(same[0], encode(images(), step=1, first=5, pieces=1).features)


@pytest.mark.parametrize("pieces", [1, 4])
def test_running_statistics_see_each_row_once(pieces):
    assert gradients(0.0, pieces)[2].seen == 10
    encoder, encode = made()
    encode(images(), step=0, first=0, pieces=pieces)
    assert encoder.seen == (10 if pieces == 1 else 0)  # in pieces they count when the gradient comes back


def test_in_pieces_no_graph_of_the_whole_batch_is_kept():
    widest = 0

    class Watching(Counting):
        def forward(self, images):
            nonlocal widest
            widest = max(widest, len(images))
            return super().forward(images)

    encoder = Watching()
    encode = EncoderPass(
        encoder, forward=encoder, device=CPU, layout=torch.contiguous_format, autocast=False, seed=0
    )
    features, _ = encode(images(), step=0, first=0, pieces=4)
    assert widest == 3
    assert not features.requires_grad


def test_bfloat16_keeps_features_in_float32():
    _, encode = made(autocast=True)
    features = encode(images(), step=0, first=0, pieces=2).features
    assert features.dtype == torch.float32
    assert torch.equal(features, features.bfloat16().float())
