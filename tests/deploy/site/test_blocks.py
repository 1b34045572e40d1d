"""All that the README and the pages name exists: keys, options, commands, imports, arguments, files."""

import ast
import inspect
import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
import tripletmine as tm
import typer
from tripletmine.flows.cli import app
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec

from .pages import ROOT, blocks, pages, prose

COMMANDS: dict[str, click.Command] = typer.main.get_group(app).commands  # pyright: ignore[reportAssignmentType]
TARGETS = set(re.findall(r"(?m)^([\w-]+):", (ROOT / "Makefile").read_text()))
SECTIONS = {name: field.annotation for name, field in RunSpec.model_fields.items() if name != "base"}
FILES = (".json", ".parquet", ".toml", ".yaml")
LANGUAGES = {"bash", "python", "toml", "csv", "text"}


def named(cases):
    return pytest.mark.parametrize("block", cases, ids=lambda block: block.place)


def test_every_block_says_its_language():
    opened = [
        line for text in pages().values() for line in text.splitlines() if line.lstrip().startswith("```")
    ]
    assert len(opened) == 2 * len(blocks(*LANGUAGES))
    assert not any(re.search(r"(?m)\n\n {4}\S", prose(name)) for name in pages()), "an indented block"


@named(blocks("toml"))
def test_run_files_are_valid(block):
    keys = tomllib.loads(block.text)
    data = keys.setdefault("data", {})
    if "kind" not in data:
        data |= {"kind": "table", "path": "items.csv"}
    parse_spec(keys, base=ROOT, source=block.place)


@named(blocks("python"))
def test_programs_import_and_call_what_is_there(block):
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tripletmine"):
            module = import_module(node.module or "")
            assert [each.name for each in node.names if not hasattr(module, each.name)] == []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tm":
            assert node.attr in tm.__all__
        if isinstance(node, ast.Call) and (function := _of_ours(node.func)):
            given = {each.arg: None for each in node.keywords if each.arg}
            inspect.signature(function).bind(*node.args, **given)


def _of_ours(function: ast.expr) -> Any:
    """The public function or class that is called, as tm.mine or tm.Encoder.load."""
    names = ast.unparse(function).split(".")
    if names[0] != "tm":
        return None
    found: Any = tm
    for name in names[1:]:
        found = getattr(found, name)
    return found


@named(blocks("bash"))
def test_commands_and_their_options_are_there(block):
    for words in _commands(block.text):
        program = Path(words[0]).name
        if program == "tripletmine":
            _check_tripletmine(words[1:])
        elif program == "make":
            assert {word for word in words[1:] if "=" not in word} <= TARGETS
        elif words[1:3] and words[1] == "-m":
            assert (ROOT / words[2].replace(".", "/")).is_dir() or (
                ROOT / f"{words[2].replace('.', '/')}.py"
            ).is_file()
        for word in words:
            if word.startswith(("deploy/", "tests/")):
                assert (ROOT / word).exists(), word


def _commands(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r" && | \| ", line):
            words = shlex.split(part, comments=True)
            if words and words[0] not in ("export", "read", "source"):
                yield words


def _check_tripletmine(words: list[str]) -> None:
    name, *arguments = words
    options = {
        each for parameter in COMMANDS[name].params for each in (*parameter.opts, *parameter.secondary_opts)
    }
    given = {word.partition("=")[0] for word in arguments if word.startswith("--")}
    assert given <= options | {"--help"}, f"{name}: {sorted(given - options)}"


@pytest.mark.parametrize("name", pages())
def test_keys_options_and_commands_in_sentences_are_there(name):
    missing = []
    for code in re.findall(r"`([^`\n]+)`", prose(name)):
        key = re.match(r"(\w+)\.(\w+)(?:\.(\w+))?", code)
        if key and key[1] in SECTIONS and not code.endswith(FILES):
            missing += [] if _has(SECTIONS[key[1]], key[2], key[3]) else [code]
        if command := re.match(r"tripletmine ([a-z]+)\b", code):
            missing += [] if command[1] in COMMANDS else [code]
        if target := re.match(r"make ([\w-]+)", code):
            missing += [] if target[1] in TARGETS else [code]
    assert missing == []


def _has(section: Any, key: str, inner: str | None) -> bool:
    """Whether a section has this key or, with `inner`, its subsection `key` has that one; a plain table has any."""
    field = section.model_fields.get(key)
    return field is not None and inner in {None, *getattr(field.annotation, "model_fields", {inner})}


def test_every_command_is_in_the_table():
    listed = set(re.findall(r"(?m)^\| `tripletmine (\w+)", pages()["deploy/site/commands.md"]))
    assert listed == set(COMMANDS)
