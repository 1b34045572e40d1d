"""The remedies in messages about a run file work: (what is wrong, the message, what mends it)."""

import re
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec
import fsspec.config
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from tripletmine.flows.cli import app
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.errors import DataError, SpecError
from tripletmine.pipeline.runfile.load import load_spec, parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from typer.testing import CliRunner

from ...remedies import Refusal

Sections = dict[str, Any]

BASE = Path("/somewhere")
LIBRARY = {"factory": "pytorch_metric_learning.losses:ProxyAnchorLoss"}


def parse(sections: Sections) -> RunSpec:
    return parse_spec({"data": {"kind": "digits"}, **sections}, base=BASE)


def digits(**keys: Any) -> Sections:
    return {"data": {"kind": "digits", **keys}}


def table(**keys: Any) -> Sections:
    return {"data": {"kind": "table", "path": "rows.csv", **keys}}


CASES: dict[str, tuple[Sections, str, list[Sections]]] = {
    "a section": ({"data": {}}, "data.kind is missing: add it", [digits()]),
    "an unknown section": ({"trian": {}}, "did you mean train?", [{"train": {}}]),
    "a key like no other": (
        {"cluster": {"zzzz": 1}},
        "zzzz is not a key of [cluster]: known are kind, address, workers",
        [{"cluster": {"workers": 1}}],
    ),
    "the base": ({"base": "/"}, "base is not a key of the run file: remove it", [{}]),
    "a text for a number": (
        {"mine": {"margin": "0.2"}},
        "must be a number: write it without quotes",
        [{"mine": {"margin": 0.2}}],
    ),
    "a fraction of an epoch": (
        {"run": {"epochs": 2.0}},
        "write it without quotes and without a decimal point",
        [{"run": {"epochs": 2}}],
    ),
    "a number for yes": (
        {"run": {"deterministic": "true"}},
        "must be true or false: write it without quotes",
        [{"run": {"deterministic": True}}],
    ),
    "a number for a name": (
        {"run": {"name": 7}},
        "must be a string: write it in quotes",
        [{"run": {"name": "7"}}],
    ),
    "no name": ({"run": {"name": ""}}, "must not be empty: write something", [{"run": {"name": "a"}}]),
    "a name with a slash": (
        {"run": {"name": "a/b"}},
        "letters, digits, '_', '-' and '.' only, and not begin with '.': rename it",
        [{"run": {"name": "a-b_c.d1"}}],
    ),
    "a number for a section": (
        {"mine": 3},
        "must be a table of keys: write them under a heading in [brackets]",
        [{"mine": {"margin": 0.3}}],
    ),
    "NaN": (
        {"mine": {"margin": float("nan")}},
        "must be finite: write an ordinary number",
        [{"mine": {"margin": 1.0}}],
    ),
    "one number for an array": (
        digits(mean=0.5, std=[0.5]),
        "data.mean is 0.5 but must be an array: write it in [brackets]",
        [digits(mean=[0.5], std=[0.5])],
    ),
    "neither of two": (
        {"run": {"keep": {"graph": "some"}}},
        "must be a whole number or must be one of 'all': write one of these",
        [{"run": {"keep": {"graph": 3}}}, {"run": {"keep": {"graph": "all"}}}],
    ),
    "too few": (
        {"loss": {"weights": {}}},
        "loss.weights is {} but must have 1 or more: add some",
        [{"loss": {"weights": {"triplet": 1.0}}}],
    ),
    "too many": (
        {"mine": {"guards": {"rank_window": [1, 5, 9]}}},
        "must have 2 at most: remove some",
        [{"mine": {"guards": {"rank_window": [1, 5]}}}],
    ),
    "credentials": (
        {"data": {"kind": "table", "path": "https://me:secret@host/rows.csv"}},
        "data.path has credentials in it, which would be kept with every run: take them out",
        [{"data": {"kind": "table", "path": "https://host/rows.csv"}}],
    ),
    "arguments for nobody": (
        digits(augment={"arguments": {"a": 1}}),
        "there is no data.augment.factory to take them: name it, or remove them",
        [digits(augment={"arguments": {"a": 1}, "factory": "mine:make"}), digits(augment={})],
    ),
    "no colour": (
        table(background="mauve"),
        'must be "white", "black", "grey" or "#rrggbb": choose one',
        [table(background=each) for each in ("white", "black", "grey", "#e0b0ff")],
    ),
    "no path": ({"data": {"kind": "table"}}, 'data.kind is "table": add it', [table()]),
    "no pixels": (
        table(image_size=[0, 8]),
        "must be at least 1 pixel: raise it",
        [table(image_size=[1, 8])],
    ),
    "mean alone": (
        digits(mean=[0.5]),
        "data.std is missing but the other of mean and std is there: give both or none",
        [digits(mean=[0.5], std=[0.5]), digits()],
    ),
    "no deviation": (
        digits(mean=[0.5], std=[0.0]),
        "must be numbers greater than 0: raise them, or leave both out",
        [digits(mean=[0.5], std=[0.1]), digits()],
    ),
    "an empty mean": (
        digits(mean=[], std=[1.0]),
        "data.mean is empty: give one number for all channels, or one each",
        [digits(mean=[0.0], std=[1.0]), digits(mean=[0.0] * 3, std=[1.0] * 3)],
    ),
    "a review of nothing": (
        digits(review_held_out=True),
        "data.review is missing: add data.review, or remove data.review_held_out",
        [digits(review_held_out=True, review="review.csv"), digits()],
    ),
    "no weight": (
        {"loss": {"weights": {"triplet": 1.0, "global": 0.0}}},
        "loss.weights.global is 0.0 but must be above 0: raise it, or leave global out",
        [{"loss": {"weights": {"triplet": 1.0, "global": 0.1}}}, {"loss": {"weights": {"triplet": 1.0}}}],
    ),
    "a loss that is left out": (
        {"loss": {"quadruplet": {"w1": 0.5}}},
        "loss.weights names only triplet, global: add quadruplet to the weights, or remove the key",
        [{"loss": {"weights": {"triplet": 1.0, "quadruplet": 1.0}, "quadruplet": {"w1": 0.5}}}, {"loss": {}}],
    ),
    "losses that tell no classes apart": (
        {"loss": {"weights": {"centre": 1.0}}},
        "add a loss that separates classes, such as triplet = 1",
        [{"loss": {"weights": {"centre": 1.0, "triplet": 1.0}}}],
    ),
    "a library's loss without a name": (
        {"loss": {"weights": {"library": 1.0}}},
        f'loss.library.factory is missing: name the loss, as in "{LIBRARY["factory"]}"',
        [{"loss": {"weights": {"library": 1.0}, "library": LIBRARY}}],
    ),
    "a library's loss in a file": (
        {"loss": {"weights": {"library": 1.0}, "library": {"factory": "mine.py:Loss"}}},
        "put the file on the Python path and name its module",
        [{"loss": {"weights": {"library": 1.0}, "library": {"factory": "mine:Loss"}}}],
    ),
    "Dask without an address": (
        {"cluster": {"kind": "dask"}},
        'an address goes with kind = "dask", and only with it',
        [{"cluster": {"kind": "dask", "address": "tcp://10.0.0.1:8786"}}, {"cluster": {"kind": "local"}}],
    ),
    "an address without Dask": (
        {"cluster": {"address": "tcp://10.0.0.1:8786"}},
        'an address goes with kind = "dask", and only with it',
        [{"cluster": {"kind": "dask", "address": "tcp://10.0.0.1:8786"}}, {"cluster": {}}],
    ),
    "all epochs warm up": (
        {"run": {"epochs": 2}, "train": {"warmup_epochs": 3}},
        "run.epochs counts the warm-up too, so raise it or lower the warm-up",
        [
            {"run": {"epochs": 3}, "train": {"warmup_epochs": 3}},
            {"run": {"epochs": 2}, "train": {"warmup_epochs": 2}},
        ],
    ),
    "stored triplets for no loss": (
        {"train": {"batches": "triplets"}, "loss": {"weights": {"batch_hard": 1.0}}},
        'learns from triplets: add triplet to the weights, or choose batches = "neighbourhood"',
        [
            {"train": {"batches": "triplets"}, "loss": {"weights": {"batch_hard": 1.0, "triplet": 1.0}}},
            {"train": {"batches": "neighbourhood"}, "loss": {"weights": {"batch_hard": 1.0}}},
        ],
    ),
    "stored triplets that no batch brings": (
        {"train": {"batches": "class_balanced"}, "loss": {"triplets": "stored"}},
        'have no stored triplets: choose batches = "triplets", or triplets = "auto"',
        [
            {"train": {"batches": "triplets"}, "loss": {"triplets": "stored"}},
            {"train": {"batches": "class_balanced"}, "loss": {"triplets": "auto"}},
        ],
    ),
    "triplets for no loss": (
        {"loss": {"triplets": "boundary", "weights": {"batch_hard": 1.0}}},
        "learns from triplets: add triplet to the weights, or remove the key",
        [
            {"loss": {"triplets": "boundary", "weights": {"batch_hard": 1.0, "triplet": 1.0}}},
            {"loss": {"weights": {"batch_hard": 1.0}}},
        ],
    ),
    "the global loss of vectors of any length": (
        {"encoder": {"normalise": False}},
        "remove global from the weights, or set normalise = true",
        [{"encoder": {"normalise": False}, "loss": {"weights": {"triplet": 1.0}}}, {"encoder": {}}],
    ),
    "batches of what is never mined": (
        {"mine": {"every": "never"}, "train": {"batches": "neighbourhood"}},
        'choose batches = "class_balanced", or remove mine.every',
        [
            {"mine": {"every": "never"}, "train": {"batches": "class_balanced"}},
            {"mine": {}, "train": {"batches": "neighbourhood"}},
        ],
    ),
    "a k that is never chosen": (
        {"mine": {"every": "never"}, "loss": {"triplets": "boundary"}},
        'choose triplets = "semi_hard", or remove mine.every',
        [
            {"mine": {"every": "never"}, "loss": {"triplets": "semi_hard"}},
            {"mine": {}, "loss": {"triplets": "boundary"}},
        ],
    ),
    "children of a worker": (
        {"train": {"loader_workers": 2, "where": "worker"}},
        'set loader_workers = 0 or where = "driver"',
        [
            {"train": {"loader_workers": 0, "where": "worker"}},
            {"train": {"loader_workers": 2, "where": "driver"}},
        ],
    ),
    "a controller that cannot move": (
        {"mine": {"k_step": 0.001}},
        'mine.k_step is 0.001 but the 11 candidates from k_min = 0.7 to k_max = 1.2 lie 0.05 apart, so that k could '
        'never move: raise k_step or k_grid, or choose hardness = "linear"',
        [
            {"mine": {"k_step": 0.05}},
            {"mine": {"k_step": 0.001, "k_grid": 501}},
            {"mine": {"k_step": 0.001, "hardness": "linear"}},
        ],
    ),
    "a feature that no loss has": (
        {"evaluate": {"feature": "batch_normalised"}},
        "has a batch normalisation: add classification to the weights, or remove evaluate.feature",
        [
            {
                "evaluate": {"feature": "batch_normalised"},
                "loss": {"weights": {"triplet": 1, "classification": 1}},
            },
            {},
        ],
    ),
    "a feature that is not kept": (
        {
            "evaluate": {"feature": "batch_normalised"},
            "loss": {"weights": {"classification": 1}, "classification": {"running": False}},
        },
        "so the statistics of the normalisation are not kept: remove one of them",
        [
            {"evaluate": {"feature": "batch_normalised"}, "loss": {"weights": {"classification": 1}}},
            {"loss": {"weights": {"classification": 1}, "classification": {"running": False}}},
        ],
    ),
    "scores of another feature": (
        {
            "evaluate": {"feature": "batch_normalised"},
            "loss": {"weights": {"classification": 1, "lsep": 1}},
        },
        "names lsep, which scores the embedding: remove evaluate.feature",
        [{"loss": {"weights": {"classification": 1, "lsep": 1}}}],
    ),
    "epochs compared by nothing": (
        {"evaluate": {"recalls": [10, 100]}},
        "has no 1, by which epochs are compared: add it",
        [{"evaluate": {"recalls": [10, 100, 1]}}],
    ),
}  # fmt: skip

REFUSALS = {
    name: Refusal(partial(parse, wrong), says, *(partial(parse, right) for right in mended))
    for name, (wrong, says, mended) in CASES.items()
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(SpecError)


@pytest.mark.parametrize(
    ("broken", "says", "mend"),
    [
        (lambda path: None, "does not exist: `tripletmine init digits --out ", "init"),
        (lambda path: path.mkdir(), "is a folder, a pipe or a device: name a file instead", "other"),
        (lambda path: path.write_bytes('[data]\nkind = "é"'.encode("latin-1")), "save it as UTF-8", "utf-8"),
        (
            lambda path: path.write_text("[data]\nkind = digits"),
            "at line 2, column 8): correct it",
            "8",
        ),
    ],
    ids=["missing", "a folder", "another encoding", "no TOML"],
)
def test_a_file_that_cannot_be_read(
    broken: Callable[[Path], object], says: str, mend: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.toml"
    broken(path)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert says in str(caught.value)
    match mend:
        case "init":
            (command,) = re.findall("`tripletmine (.*)`", str(caught.value))
            assert CliRunner().invoke(app, command.split()).exit_code == 0
        case "other":
            path = tmp_path / "other.toml"
            path.write_text('[data]\nkind = "digits"')
        case "utf-8":
            path.write_text('[data]\nkind = "digits" # é', encoding="utf-8")
        case column:
            line = path.read_text().splitlines()[1]
            path.write_text(f'[data]\n{line[: int(column) - 1]}"{line[int(column) - 1 :]}"')
    assert load_spec(path).data.kind == "digits"


class Locked(MemoryFileSystem):
    """A store that needs a password."""

    protocol = "locked"
    cachable = False

    def __init__(self, password: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        if password != "secret":
            raise PermissionError("the store wants its password")


@pytest.mark.parametrize(
    "give",
    [
        lambda: fsspec.config.set_conf_env(fsspec.config.conf, {"FSSPEC_LOCKED_PASSWORD": "secret"}),
        lambda: fsspec.config.conf.update(locked={"password": "secret"}),
    ],
    ids=["environment", "configuration"],
)
def test_credentials_are_taken_from_fsspec(
    give: Callable[[], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fsspec.register_implementation("locked", Locked, clobber=True)
    monkeypatch.setitem(fsspec.config.conf, "locked", {})
    content = BytesIO()
    np.savez(content, vectors=np.eye(8, dtype=np.float32), labels=["a", "b"] * 4)
    Locked(password="secret").pipe("locked://vectors.npz", content.getvalue())
    spec = parse({"data": {"kind": "arrays", "path": "locked://vectors.npz"}})
    with pytest.raises(DataError, match="wants its password"):
        len(open_data(spec.data, tmp_path).rows)
    give()
    assert len(open_data(spec.data, tmp_path).rows) == 8
