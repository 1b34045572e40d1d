"""Hooks of `mkdocs build` that generate the home page, the tables of run-file keys and the benchmark tables."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "tests/benchmarks/results"
KEYS = "<!-- keys -->"
"""Placeholder in run-file.md for the tables of keys."""
TABLE = re.compile(r"<!-- table (\d) of ([\w-]+) -->")
"""Placeholder in a page for a table of results/<name>.md."""
PACKAGE = ROOT / "build/names/tripletmine"
"""The package alone, under its own name, so that nothing else in the checkout is searched for modules."""


def on_startup(**_: Any) -> None:
    """Lay out the package's sources for mkdocstrings."""
    shutil.rmtree(PACKAGE, ignore_errors=True)
    PACKAGE.mkdir(parents=True)
    for name in ("__init__.py", "flows", "mining", "models", "pipeline"):
        (PACKAGE / name).symlink_to(ROOT / name)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Called by mkdocs: the Markdown of a page with its placeholders filled."""
    return finished(page.file.src_uri, markdown)


def finished(name: str, markdown: str) -> str:
    """The page `name` with its placeholders filled. The home page is the README, whose links start at the root."""
    if name == "index.md":
        return (ROOT / "README.md").read_text(encoding="utf-8").replace("deploy/site/", "")
    if KEYS in markdown:
        markdown = markdown.replace(KEYS, "\n".join(keys()))
    return TABLE.sub(lambda found: result_table(found[2], int(found[1])), markdown)


def result_table(name: str, number: int) -> str:
    """The `number`th table of a file of results, from 1."""
    text = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    return [block for block in text.split("\n\n") if block.startswith("|")][number - 1].strip()


def keys() -> Iterator[str]:
    """Lines of Markdown: a heading, a sentence and a table for each section of the run file."""
    from tripletmine.pipeline.runfile.run_spec import RunSpec

    texts = field_texts(RunSpec.__module__.rpartition(".")[0])
    for name, field in RunSpec.model_fields.items():
        if name != "base":  # set by the loader
            yield from _section(name, field.annotation, texts)


def field_texts(package: str) -> Mapping[tuple[str, str], str]:
    """The docstrings under the fields of all sections, by (class, field)."""
    loaded = griffe.load(package, search_paths=[ROOT / "build/names"], resolve_aliases=False)
    return {
        (each.name, name): _one_line(field.docstring.value)
        for module in loaded.modules.values()
        for each in module.classes.values()
        for name, field in each.attributes.items()
        if field.docstring
    }


def _section(name: str, section: Any, texts: Mapping[tuple[str, str], str]) -> Iterator[str]:
    schema, inner = section.model_json_schema()["properties"], {}
    about = _one_line(section.__doc__).partition(": ")[2]
    yield f"\n## [{name}] {{ #{name.replace('.', '-')} }}\n\n{about[0].upper()}{about[1:]}\n"
    yield "| key | value | default | what it says |\n| --- | --- | --- | --- |"
    for key, field in section.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            inner[f"{name}.{key}"] = field.annotation
            continue
        described = schema[key]
        star = "*" if described.get("execution") else ""
        cells = f"`{key}`{star}", value_of(described), _default(described), texts[section.__name__, key]
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
    for path, nested in inner.items():
        yield from _section(path, nested, texts)


def value_of(schema: Mapping[str, Any]) -> str:
    """The values that a key takes, in words.

    >>> value_of({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}, {"type": "null"}]})
    'whole number ≥ 1, or `"all"`'
    """
    if "anyOf" in schema:
        return ", or ".join(value_of(each) for each in schema["anyOf"] if each.get("type") != "null")
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{json.dumps(each)}`" for each in schema.get("enum", [schema.get("const")]))
    kinds = {"boolean": "true or false", "string": "text", "object": "table", "number": "number"}
    match schema["type"]:
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(value_of(each) for each in schema['prefixItems'])}]"
        case "array":
            return f"array of: {value_of(schema['items'])}"
        case kind:
            return " ".join([kinds.get(kind, "whole number"), ", ".join(_limits(schema))]).strip()


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    words = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    return (f"{words[word]} {bound}" for word, bound in schema.items() if word in words and bound < 2**63)


def _default(schema: Mapping[str, Any]) -> str:
    """The default as TOML: "**needed**" for a required key, "none" for an optional key without a value."""
    if "default" not in schema:
        return "none" if schema.get("type") == "object" else "**needed**"
    default = schema["default"]
    if isinstance(default, Mapping):
        return (
            f"`{{ {', '.join(f'{key} = {value:g}' for key, value in default.items())} }}`"
            if default
            else "none"
        )
    return "none" if default is None else f"`{json.dumps(default)}`"


def _one_line(text: str) -> str:
    return " ".join(text.split())
