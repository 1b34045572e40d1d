"""Encoders as ONNX graphs: what they take and give, and what is refused."""

import sys

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from tripletmine.models.encoders.encode import encode
from tripletmine.models.encoders.onnx import write_onnx
from tripletmine.models.errors import ModelError
from tripletmine.models.images.transforms import Scaling
from tripletmine.models.score_head import ScoreHead
from versions import onnx_is_written

pytestmark = onnx_is_written


class Small(nn.Module):
    """A convolution, then a mean."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).mean((2, 3))


class Batchwise(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(dim=0)


@pytest.mark.parametrize(
    ("shape", "dtype", "normalise", "scaling"),
    [
        ((7, 9, 3), "uint8", True, Scaling((0.5, 0.4, 0.3), (0.2, 0.2, 0.3))),
        ((7, 9), "float32", False, Scaling(0.1, 0.5)),
    ],
)
def test_the_graph_takes_items_as_they_are_in_any_number(tmp_path, shape, dtype, normalise, scaling) -> None:
    torch.manual_seed(0)
    encoder = Small(shape[2] if len(shape) == 3 else 1)
    path = tmp_path / "encoder.onnx"
    assert (
        write_onnx(encoder, path, item_shape=shape, item_dtype=dtype, normalise=normalise, scaling=scaling)
        <= 1e-5
    )
    items = np.random.default_rng(1).integers(0, 255, (17, *shape)).astype(dtype)
    (found,) = onnxruntime.InferenceSession(path).run(["embeddings"], {"items": items})
    expected = encode(encoder, items, normalise=normalise, batch_rows=17, scaling=scaling)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [5, 1, None])
def test_scores_are_a_second_output(tmp_path, classes) -> None:
    torch.manual_seed(0)
    encoder, head, path = Small(1), ScoreHead(6, classes), tmp_path / "encoder.onnx"
    assert write_onnx(encoder, path, item_shape=(7, 9), item_dtype="uint8", normalise=True, head=head) <= 1e-5
    items = np.random.default_rng(1).integers(0, 255, (17, 7, 9)).astype(np.uint8)
    embeddings, scores = onnxruntime.InferenceSession(path).run(["embeddings", "scores"], {"items": items})
    expected = head.scores(np.asarray(embeddings))
    assert expected.shape == ((17,) if classes is None else (17, classes))
    np.testing.assert_allclose(np.asarray(scores), expected, atol=1e-5)


def test_an_encoder_that_mixes_the_rows_of_a_batch_is_refused(tmp_path) -> None:
    with pytest.raises(
        ModelError, match=r"differ from those of torch by .*rest of the batch cannot be converted"
    ):
        write_onnx(Batchwise(), tmp_path / "x.onnx", item_shape=(4,), item_dtype="float32", normalise=False)


def test_a_converter_that_is_not_installed_is_named_with_the_extra(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ModelError, match=r"ONNX needs onnxscript.*pip install 'tripletmine\[onnx\]'"):
        write_onnx(Small(1), tmp_path / "x.onnx", item_shape=(7, 9), item_dtype="uint8", normalise=True)
