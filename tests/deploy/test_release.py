"""What a release says about itself is consistent."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_package_changelog_and_citation_name_the_same_version_and_day():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    released = re.findall(r"(?m)^## \[([\d.]+)\] - ([\d-]+)$", (ROOT / "CHANGELOG.md").read_text())
    cited = yaml.safe_load((ROOT / "deploy/CITATION.cff").read_text())
    assert released[0] == (version, cited["date-released"])
    assert cited["version"] == version
    assert sorted(released, reverse=True) == released


def test_a_report_of_a_fault_asks_for_the_doctor():
    template = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/fault.yml").read_text())
    assert (
        "tripletmine doctor"
        in {part["id"]: part["attributes"]["label"] for part in template["body"]}["doctor"]
    )
