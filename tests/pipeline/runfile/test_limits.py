"""Every key of the run file beyond its limits: the limit, choice or kind of data that the message names is accepted."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any, get_args

import pytest
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.runfile.data_spec import _ONLY_FOR
from tripletmine.pipeline.runfile.loss_spec import BESIDE_OTHERS, LossName
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.runfile.section import Section

from ...remedies import Refusal
from .test_remedies import LIBRARY, Sections, parse


def keys_of(section: type[Section], *above: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from keys_of(kind, *above, name)
        elif name != "base":
            yield ".".join((*above, name))


KEYS = list(keys_of(RunSpec))


def fitting(key: str, value: Any) -> Sections:
    """A run file in which this key means something, and has this value."""
    section, *inner, last = key.split(".")
    sections: Sections = {"data": {"kind": next(iter(sorted(_ONLY_FOR.get(last, {"digits"}))))}}
    if section == "data" and last in _ONLY_FOR:
        sections["data"]["path"] = "somewhere"
    if section == "loss" and inner and inner[0] in get_args(LossName):
        beside = {"triplet": 1.0} if inner[0] in BESIDE_OTHERS else {}
        sections["loss"] = {
            "weights": {inner[0]: 1.0, **beside},
            "library": {**LIBRARY} if inner[0] == "library" else {},
        }
    place = sections.setdefault(section, {})
    for name in inner:
        place = place.setdefault(name, {})
    place[last] = value
    return sections


def said_of(key: str, value: Any) -> str:
    """The message about the range or choices of this key; empty if this value gives none."""
    try:
        parse(fitting(key, value))
    except SpecError as error:
        lines = [line.removeprefix("run file: ") for line in str(error).splitlines()]
        return next((line for line in lines if line.startswith(f"{key} is ") and " but must be " in line), "")
    return ""


BOUND = re.compile(
    r"must be (at least|greater than|at most|less than) ([\d.e+]+)(?:: (raise|lower) it|.*these)"
)


def test_a_number_out_of_range_is_raised_or_lowered_to_its_limit() -> None:
    tried = 0
    for key, value in product(KEYS, (-(10**30), -(10**15), 0, 10**15, 10**30)):
        found = BOUND.search(said_of(key, value))
        if found is None:
            continue  # no number, or without this limit
        limit = float(found[2]) if "." in found[2] else int(found[2])
        step = 1 if isinstance(limit, int) else 0.01
        inside = limit + {"greater than": step, "less than": -step}.get(found[1], 0)
        assert found[3] in (None, "raise" if inside > value else "lower"), key
        assert not said_of(key, inside), key
        tried += 1
    assert tried > 150


def test_each_of_the_choices_is_one() -> None:
    said = {key: line for key in KEYS if "must be one of" in (line := said_of(key, "!"))}
    assert len(said) > 20
    for key, line in said.items():
        for choice in re.findall("'([^']*)'", line):
            assert not said_of(key, choice), (key, choice)


@pytest.mark.parametrize("key", _ONLY_FOR)
def test_a_key_of_other_kinds_of_data_is_removed_or_the_kind_is_one_of_these(key: str) -> None:
    for kind in ("letters", "digits", "fashion-mnist", "image-folder", "table", "arrays", "huggingface"):
        keys = {"path": "somewhere"} if kind in _ONLY_FOR["path"] else {}
        value: Any = {
            "columns": {"label": "a"},
            "image_size": 8,
            "colour": "grey",
            "background": "black",
        }.get(key, True if key == "allow_local_urls" else ";")
        with_key = partial(parse, {"data": {"kind": kind, **keys, key: value}})
        if kind in _ONLY_FOR[key]:
            with_key()
        else:
            says = f"it is for {', '.join(sorted(_ONLY_FOR[key]))} only, so remove it"
            Refusal(with_key, says, partial(parse, {"data": {"kind": kind, **keys}})).require(SpecError)
