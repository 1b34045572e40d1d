"""Prints the lowest versions that pyproject.toml allows, as constraints for pip; see `make test-lowest`.

They are the lower bounds of what the extras [all] and [dev] require themselves. Of what those require in turn, pip
chooses the newest that fits, as it does for users.

    python tests/checks/lowest.py
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("all", "dev")
TOOLS = frozenset({"basedpyright", "import-linter", "ruff"})
"""They read the sources, and no test needs them: older ones find other faults, and want older libraries."""


def main() -> None:
    """Print the constraints."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, version in sorted(lowest_versions(project).items()):
        print(f"{name}=={version}")


def lowest_versions(project: dict[str, Any]) -> dict[str, Version]:
    """The lower bound of each requirement; of several, the highest."""
    found: dict[str, Version] = {}
    for requirement in requirements(project):
        for bound in requirement.specifier:
            if requirement.name not in TOOLS and bound.operator in (">=", "=="):
                version = Version(bound.version)
                found[requirement.name] = max(version, found.get(requirement.name, version))
    return found


def requirements(project: dict[str, Any]) -> Iterator[Requirement]:
    """Those of the package and of `EXTRAS`, and of the extras that these name themselves."""
    optional = project["optional-dependencies"]
    waiting, seen = [*project["dependencies"]], {*EXTRAS}
    waiting += [text for extra in EXTRAS for text in optional[extra]]
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.name != project["name"]:
            yield requirement
            continue
        waiting += [text for extra in requirement.extras - seen for text in optional[extra]]
        seen |= requirement.extras


if __name__ == "__main__":
    main()
