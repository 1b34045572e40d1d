import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from tripletmine.models.encoders.build import build_encoder
from tripletmine.models.encoders.checkpoints import load_encoder_state, load_tensors, save_tensors
from tripletmine.models.errors import ModelError

TENSORS = {
    "b": torch.arange(6.0).reshape(2, 3),
    "a": torch.tensor(7),
    "c": torch.ones(2, dtype=torch.bfloat16),
}


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS, {"epoch": 3, "name": "ü"})
    tensors, description = load_tensors(path)
    assert description == {"epoch": 3, "name": "ü"}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_bytes_depend_on_the_content_only_also_from_another_process(tmp_path):
    description = {str(number): number for number in range(20)}
    save_tensors(tmp_path / "first", TENSORS, description)
    save_tensors(tmp_path / "second", dict(reversed(TENSORS.items())), dict(reversed(description.items())))
    code = (
        "import torch, sys, pathlib; from tripletmine.models.encoders.checkpoints import save_tensors\n"
        "t = {'b': torch.arange(6.0).reshape(2, 3), 'a': torch.tensor(7), 'c': torch.ones(2, dtype=torch.bfloat16)}\n"
        "save_tensors(pathlib.Path(sys.argv[1]), t, {str(n): n for n in range(20)})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "third")], check=True)
    contents = {(tmp_path / name).read_bytes() for name in ("first", "second", "third")}
    assert len(contents) == 1


def test_an_encoder_in_another_memory_layout_or_with_tied_weights_is_saved(tmp_path):
    encoder = build_encoder("convnet", input_shape=(3, 8, 8), embedding_dim=4, seed=0)
    tied = nn.ModuleList([encoder.to(memory_format=torch.channels_last), encoder])  # pyright: ignore
    save_tensors(tmp_path / "x", tied.state_dict())
    fresh = build_encoder("convnet", input_shape=(3, 8, 8), embedding_dim=4, seed=1)
    tensors, _ = load_tensors(tmp_path / "x")
    load_encoder_state(fresh, {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("0.")})
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(fresh(images), encoder(images))


@pytest.mark.parametrize("keep", [0, 4, 60, -1])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        ModelError, match=r"cannot read the checkpoint .*x\.safetensors.*restore it or train again"
    ):
        load_tensors(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot read the checkpoint"):
        load_tensors(tmp_path / "none")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot read the checkpoint"):
        load_tensors(tmp_path)


def test_a_file_of_another_program_is_refused(tmp_path):
    save_file({"x": torch.ones(1)}, tmp_path / "foreign", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="no checkpoint of ours"):
        load_tensors(tmp_path / "foreign")


def test_a_damaged_description_is_refused(tmp_path):
    save_file({"x": torch.ones(1)}, tmp_path / "damaged", metadata={"tripletmine": "{"})
    with pytest.raises(ModelError, match=r"description in .* is damaged"):
        load_tensors(tmp_path / "damaged")
