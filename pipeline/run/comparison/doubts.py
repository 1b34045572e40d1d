"""Reasons not to compare runs: other data, another split, other protocols, other work, an unfinished run."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from .compared import Compared


def doubts_about(runs: Sequence[Compared]) -> tuple[str, ...]:
    """The reasons, one clause each; empty if the metrics answer the same question after the same amount of work."""
    first, *others = runs
    same = [
        f"{one.name} and {other.name} are the same run"
        for one, other in combinations(runs, 2)
        if one.status.root.resolve() == other.status.root.resolve()
    ]
    different = [doubt for other in others for doubt in _between(first, other)]
    unfinished = [_state(run) for run in runs if not run.status.finished]
    return (*same, *different, *unfinished)


def _state(run: Compared) -> str:
    if run.damaged:
        return f"{run.name} is damaged (`tripletmine verify {run.status.root}` says where)"
    return f"{run.name} is not finished"


def _between(one: Compared, other: Compared) -> Iterator[str]:
    names = f"{one.name} and {other.name}"
    same_rows = one.status.facts.data_digest == other.status.facts.data_digest
    if one.record["identity"] != other.record["identity"]:
        kinds = one.status.spec.data.kind, other.status.spec.data.kind
        yield (
            f"{names} are of other data ({kinds[0]}, {kinds[1]})"
            if kinds[0] != kinds[1]
            else (f"{names} began with data files of other names, sizes, times or contents")
        )
    elif not same_rows:
        yield f"{names} have other rows in their splits{_why(one, other)}"
    # Only asked if the data are the same: with other data all protocols differ.
    elif asked := [*_asked(one, other)]:
        yield f"{names} are asked differently: {', '.join(asked)}"
    ones, others = one.status.spec.evaluate.select, other.status.spec.evaluate.select
    if ones != others:
        yield f"{names} choose their best epoch by {ones} and by {others} (evaluate.select)"
    images = one.total("train", "images"), other.total("train", "images")
    if one.status.finished and other.status.finished and images[0] != images[1]:
        yield f"{names} were trained on {images[0]:,} and {images[1]:,} images"


def _why(one: Compared, other: Compared) -> str:
    """The settings of rows and splits that differ, in parentheses."""
    ones, others = one.record["rows_keys"], other.record["rows_keys"]
    section = lambda key: "run" if key == "seed" else "data"  # noqa: E731
    told = [
        f"{section(key)}.{key} is {ones.get(key)!r} and {others.get(key)!r}"
        for key in ones.keys() | others.keys()
        if ones.get(key) != others.get(key)
    ]
    return f" ({', '.join(sorted(told))})" if told else ""


def _asked(one: Compared, other: Compared) -> Iterator[str]:
    ones, others = (_questions(run) for run in (one, other))
    for name in dict.fromkeys([*ones, *others]):
        if ones.get(name) != others.get(name):
            yield f"{name.replace('_', ' ')} is {ones.get(name, 'not asked')}, and {others.get(name, 'not asked')}"


def _questions(run: Compared) -> dict[str, Any]:
    return {asked.name: asked.described for asked in run.status.facts.protocols}
