"""The public names, their parameters and what they return. Anything else may change.

After a change that is meant to be public, `python tests/test_front_door.py` rewrites front_door.txt; the CHANGELOG
says what replaces the old form.
"""

import ast
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import tripletmine as tm

SNAPSHOT = Path(__file__).with_name("front_door.txt")
MADE_BY_USERS = {"MiningRule", "Guards", "TeacherBound"}
"""Classes whose constructors are public; of the others only the members are."""


def described() -> str:
    """One line for each public name, and for each public member of a class that is public or returned."""
    public = {name: getattr(tm, name) for name in tm.__all__ if name != "__version__"}
    functions = {name: each for name, each in public.items() if not inspect.isclass(each)}
    returned = {name: typing.get_type_hints(each)["return"] for name, each in functions.items()}
    lines = [
        f"tm.{name}{_signature(functions[name])} -> {returned[name].__name__}" for name in sorted(functions)
    ]
    classes = {
        each.__name__: each for each in (*public.values(), *returned.values()) if inspect.isclass(each)
    }
    for name, each in sorted(classes.items()):
        title = f"tm.{name}" if name in public else name
        lines += ["", title + (_signature(each) if name in MADE_BY_USERS else "")]
        lines += [f"    .{member}" for member in sorted(_members(each))]
    return "\n".join(lines) + "\n"


def _members(each: type) -> Iterator[str]:
    """Fields and properties by name, methods with their signature."""
    if is_dataclass(each):
        yield from (field.name for field in fields(each))
    for name, member in inspect.getmembers_static(each):
        method = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield name
        elif inspect.isfunction(method):
            yield name + _signature(method)


def _signature(public: Callable[..., Any]) -> str:
    """Names, kinds and defaults; no annotations, since those of numpy change from release to release."""
    signature = inspect.signature(public)
    parameters = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(inspect.Signature(parameters))


def test_public_names_and_signatures_are_as_they_were() -> None:
    assert described() == SNAPSHOT.read_text(encoding="utf-8")


def test_type_checkers_editors_and_python_see_the_same_names() -> None:
    """The imports that only type checkers follow, the modules that names come from, and `dir`."""
    source = Path(tm.__file__ or "").read_text(encoding="utf-8")
    checked = next(each for each in ast.parse(source).body if isinstance(each, ast.If))
    imported = {
        (alias.asname, f"tripletmine.{each.module}")
        for each in checked.body
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }
    assert imported == {(name, getattr(tm, name).__module__) for name in tm.__all__ if name != "__version__"}
    assert dir(tm) == tm.__all__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'tripletmine' has no attribute 'miner'"):
        tm.miner  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


if __name__ == "__main__":
    SNAPSHOT.write_text(described(), encoding="utf-8")
