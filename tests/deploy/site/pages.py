"""The README and the pages of deploy/site as their readers see them: text, and blocks of code."""

import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
SITE = ROOT / "deploy/site"


class Block(NamedTuple):
    """A fenced block of code."""

    place: str
    """Page and line."""
    language: str
    text: str


@cache
def hooks() -> ModuleType:
    """deploy/site_hooks.py, as mkdocs imports it."""
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "deploy/site_hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def pages() -> Mapping[str, str]:
    """The Markdown of the README and of all pages, by path."""
    paths = [ROOT / "README.md", *sorted(SITE.glob("*.md"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def blocks(*languages: str) -> list[Block]:
    """All blocks of these languages."""
    found = []
    for name, text in pages().items():
        for match in re.finditer(r"(?ms)^( *)```(\w+)\n(.*?)^\1```$", text):
            line = text.count("\n", 0, match.start()) + 1
            code = "\n".join(each.removeprefix(match[1]) for each in match[3].splitlines())
            found.append(Block(f"{name}:{line}", match[2], code + "\n"))
    return [block for block in found if block.language in languages]


def prose(name: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", pages()[name])


def program(page: str, word: str) -> str:
    """The first Python block of a page that contains a word."""
    return next(
        block.text for block in blocks("python") if block.place.startswith(page + ":") and word in block.text
    )
