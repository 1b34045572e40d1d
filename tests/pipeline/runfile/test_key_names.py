"""Sources name only keys that the run file has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tripletmine.pipeline.runfile.keys import KEYS, in_keys
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.runfile.section import Section

ROOT = Path(__file__).parents[3]
SECTIONS = [name for name in RunSpec.model_fields if name != "base"]
NAMED = re.compile(rf"(?<![\w./-])(?:{'|'.join(SECTIONS)})(?:\.[a-z_][a-z0-9_]*)+")

NO_KEYS = {
    "encoder.json", "encoder.onnx", "encoder.safetensors", "run.json", "run.toml", "run.txt", "encoder.embed",
    "encoder.network", "encoder.encode", "encoder.search", "encoder.score", "encoder.label",
    "encoder.labels",
}  # fmt: skip
"""Names that only look like keys: files, and attributes of an exported encoder."""


def named_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of all that looks like a key in a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for found in NAMED.finditer(node.value):
                yield node.lineno, found.group()


def is_key(name: str) -> bool:
    """Whether the schema has it. Below a table of free keys (weights, arguments) all names are known."""
    section: type[Section] = RunSpec
    for part in name.split("."):
        field = section.model_fields.get(part)
        if field is None:
            return False
        kind = field.annotation
        if not (isinstance(kind, type) and issubclass(kind, Section)):
            return part in ("weights", "arguments") or name.endswith(f".{part}")
        section = kind
    return True


def unknown(source: str) -> list[str]:
    return [
        f"{line}: {name}"
        for line, name in named_in(ast.parse(source))
        if name not in NO_KEYS and not is_key(name)
    ]


@pytest.mark.parametrize("folder", ["flows", "pipeline", "mining", "models"])
def test_every_key_that_a_source_names_is_in_the_run_file(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{each}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for each in unknown(path.read_text())
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", ["mining", "models"])
def test_mining_and_models_know_no_keys(folder: str) -> None:
    """They are used without a run file, too."""
    named = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, name in named_in(ast.parse(path.read_text()))
        if name not in NO_KEYS
    ]
    assert named == []


def test_names_that_are_no_keys_are_found() -> None:
    assert unknown(
        'f"{x}: lower train.embed_row, or mine.margin"\n"loss.hist.tau, loss.weights.triplet"'
    ) == ["1: train.embed_row"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "head is 'x' but the encoder has no such module",
            "train.head is 'x' but the encoder has no such module",
        ),
        ("the loss is nan: lower learning_rate", "the loss is nan: lower train.learning_rate"),
        ("use GroupNorm, or set processes = 1", "use GroupNorm, or set train.processes = 1"),
        (
            "a loader process (loader_workers = 2) has died",
            "a loader process (train.loader_workers = 2) has died",
        ),
        ("encoder 'my.py:head' takes no argument 'learning_rate'",) * 2,
        ("run out: lower train.embed_rows",) * 2,
    ],
)
def test_parameters_become_keys(message: str, expected: str) -> None:
    assert in_keys(message) == expected


def test_parameters_become_keys_that_there_are() -> None:
    assert [key for key in KEYS.values() if not is_key(key)] == []
