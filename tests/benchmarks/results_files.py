"""How a comparison is published: results/<name>.md, a table for readers, and results/<name>.json, all its numbers."""

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")
PACKAGES = ("tripletmine", "torch", "pytorch-metric-learning", "numpy")

SPLITS = "Rows that the data have no split for are split by hashes of their names."
"""Until version 0.1 they were drawn at random; files of that time say so."""


def publish(name: str, text: str, facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
    """Write both files. text: markdown. facts: what the results depend on, in both; the versions are added to them."""
    versions = {package: version(package) for package in PACKAGES} | {"python": platform.python_version()}
    facts = {**facts, "versions": versions}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(as_lines({**facts, "results": results}))
    lines = [f"    {key}: {json.dumps(value)}" for key, value in facts.items()]
    (RESULTS / f"{name}.md").write_text(f"# {name}\n\n{SPLITS}\n\n{text}\n" + "\n".join(lines) + "\n")


def as_lines(published: Mapping[str, Any]) -> str:
    """JSON with a line for each fact, and for each of the results."""
    results = ",\n".join(f"  {json.dumps(result)}" for result in published["results"])
    facts = [
        f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in published.items() if key != "results"
    ]
    return "{\n" + "".join(facts) + f' "results": [\n{results}\n ]\n}}\n'


def spread(values: Sequence[float], *, digits: int = 4, sign: str = "") -> str:
    """Mean ± standard deviation over the seeds."""
    deviation = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{sign}.{digits}f}{deviation}"
