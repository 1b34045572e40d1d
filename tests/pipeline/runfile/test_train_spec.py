from pathlib import Path

import pytest
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.runfile.load import load_spec, parse_spec
from tripletmine.pipeline.stages.train import TRAIN

from ..run.test_runner import FACTS

DIGITS = {"data": {"kind": "digits"}}

EPOCH = StageRef(1, "train")


def test_what_changes_only_speed_and_place_is_no_result_key(tmp_path: Path) -> None:
    execution = {"loader_workers": 2, "log": ["tensorboard"], "checkpoint_steps": 7}
    plain, other = (parse_spec({**DIGITS, "train": keys}, base=tmp_path) for keys in ({}, execution))
    assert other.train.log == ("tensorboard",)
    assert TRAIN.keys(plain, FACTS, EPOCH) == TRAIN.keys(other, FACTS, EPOCH)


def test_one_log_needs_no_list(tmp_path: Path) -> None:
    assert parse_spec({**DIGITS, "train": {"log": "tensorboard"}}, base=tmp_path).train.log == (
        "tensorboard",
    )
    with pytest.raises(SpecError, match=r"train\.log"):
        parse_spec({**DIGITS, "train": {"log": "tensorbored"}}, base=tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("processes", 2),
        ("embed_rows", 50),
        ("ema_decay", 0.9),
        ("frozen_epochs", 1),
        ("head", "fc"),
        ("compile", True),
    ],
)
def test_what_changes_a_bit_of_the_weights_is_one(tmp_path: Path, key: str, value: object) -> None:
    plain, other = (parse_spec({**DIGITS, "train": keys}, base=tmp_path) for keys in ({}, {key: value}))
    assert TRAIN.keys(plain, FACTS, EPOCH) != TRAIN.keys(other, FACTS, EPOCH)


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ({"loader_workers": 1, "where": "worker"}, "a worker cannot start processes: set loader_workers = 0"),
        ({"embed_rows": 0}, "train.embed_rows"),
        ({"ema_decay": 1.0}, "train.ema_decay"),
        ({"processes": 0}, "train.processes"),
        ({"log": ["aim"]}, "train.log"),
    ],
)
def test_values_out_of_range_are_refused(tmp_path: Path, train: dict, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec({**DIGITS, "train": train}, base=tmp_path)
    assert said in str(caught.value)


def test_editing_the_users_augmentation_makes_the_result_stale(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[data]\nkind = "digits"\naugment = { factory = "mine.py:noise" }\n')
    (tmp_path / "mine.py").write_text("A = 1")
    before = TRAIN.keys(load_spec(tmp_path / "run.toml"), FACTS, EPOCH)
    (tmp_path / "mine.py").write_text("A = 2")
    assert TRAIN.keys(load_spec(tmp_path / "run.toml"), FACTS, EPOCH) != before


def test_arguments_that_no_factory_takes_are_refused(tmp_path: Path) -> None:
    data = {"kind": "digits", "augment": {"arguments": {"strength": 1}}}
    with pytest.raises(SpecError, match=r"there is no data\.augment\.factory to take them"):
        parse_spec({"data": data}, base=tmp_path)


def test_random_images_go_with_class_balanced_batches_alone(tmp_path: Path) -> None:
    asked = {"random_images": 64, "batches": "neighbourhood"}
    with pytest.raises(SpecError, match=r'set batches = "class_balanced", or remove random_images'):
        parse_spec({**DIGITS, "train": asked}, base=tmp_path)
    plain = parse_spec({**DIGITS, "train": {"batches": "class_balanced"}}, base=tmp_path)
    mixed = parse_spec({**DIGITS, "train": {**asked, "batches": "class_balanced"}}, base=tmp_path)
    assert "random_images" not in TRAIN.keys(plain, FACTS, EPOCH)["train"], "runs begun before go on"
    assert TRAIN.keys(mixed, FACTS, EPOCH)["train"]["random_images"] == 64
