"""The generated parts of pages: keys from the run file's sections, names from the front door, figures from results."""

import inspect
import json
import re

import griffe
import pytest
import tripletmine as tm
import yaml
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.runfile.section import Section

from ...benchmarks.results_files import RESULTS, spread
from .pages import ROOT, SITE, hooks, pages


@pytest.fixture(scope="module")
def run_file_page():
    hooks().on_startup()
    return hooks().finished("run-file.md", pages()["deploy/site/run-file.md"])


def test_every_key_has_a_line_with_its_default_and_what_it_says(run_file_page):
    sections = dict(re.findall(r"(?ms)^## \[([\w.]+)\].*?\n(.*?)(?=^## |\Z)", run_file_page))
    lines = {
        f"{section}.{key}": line.split(" | ")
        for section, text in sections.items()
        for key, line in re.findall(r"(?m)^\| `(\w+)`\*? \| (.*) \|$", text)
    }
    assert lines.keys() == set(_keys("", RunSpec)) - {"base"}
    assert [key for key, cells in lines.items() if len(cells) != 3 or not all(cells)] == []
    assert lines["graph.neighbours"][:2] == ["whole number ≥ 2", "none"]
    assert lines["data.kind"][1] == "**needed**"
    assert lines["loss.weights"][1] == "`{ triplet = 1, global = 1 }`"
    assert "`cluster.kind`" not in run_file_page
    assert '| `kind`* | `"serial"`, `"local"`, `"dask"` | `"serial"` |' in run_file_page


def _keys(path, section):
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _keys(f"{path}{name}.", kind)
        else:
            yield path + name


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, "number > 0, ≤ 0.5"),
        (
            {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}, {"type": "null"}]},
            'whole number ≥ 1, or `"all"`',
        ),
        ({"type": "array", "items": {"type": "string"}}, "array of: text"),
        ({"type": "array", "prefixItems": [{"type": "integer"}] * 2}, "[whole number, whole number]"),
        ({"type": "boolean"}, "true or false"),
    ],
)
def test_what_a_key_takes_is_said_in_words(schema, words):
    assert hooks().value_of(schema) == words


def test_every_public_name_is_on_the_api_page():
    listed = re.findall(r"(?m)^::: tripletmine\.(\w+)$", pages()["deploy/site/api.md"])
    assert sorted(listed) == sorted(set(tm.__all__) - {"__version__"})


@pytest.mark.parametrize("name", sorted(set(tm.__all__) - {"__version__"}))
def test_every_argument_and_attribute_of_a_public_name_is_described(name):
    public = getattr(tm, name)
    described = griffe.Docstring(inspect.getdoc(public) or "").parse("google")
    entries = [
        entry.name
        for part in described
        if part.kind.value in ("parameters", "attributes")
        for entry in part.value
    ]
    assert entries == list(inspect.signature(public).parameters)


def test_every_page_is_in_the_navigation():
    listed = re.findall(r"[\w/-]+\.(?:md|ipynb)", json.dumps(_navigation()))
    there = [
        path.relative_to(SITE).as_posix() for path in SITE.rglob("*.*") if path.suffix in (".md", ".ipynb")
    ]
    assert sorted(listed) == sorted(there)


def _navigation():
    settings = (ROOT / "deploy/mkdocs.yml").read_text()
    return yaml.safe_load(settings)["nav"]


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)", pages()["README.md"])
    assert [link for link in links if "://" not in link and not (ROOT / link).is_file()] == []
    assert len(links) > 10


def test_the_readme_is_short():
    assert len(pages()["README.md"].splitlines()) <= 150


def test_tables_of_results_are_those_of_the_files():
    page = hooks().finished("benchmarks.md", pages()["deploy/site/benchmarks.md"])
    assert "<!-- table" not in page
    rows = [line for line in (RESULTS / "glyphs.md").read_text().splitlines() if line.startswith("| ours,")]
    assert len(rows) > 5
    assert [row for row in rows if row not in page] == []


def test_figures_of_the_readme_are_those_of_the_results():
    results = json.loads((RESULTS / "glyphs.json").read_text())["results"]

    def at_the_end(contestant):
        of_seeds = [result for result in results if result["contestant"] == contestant]
        return spread([result["epochs"][-1]["test"]["map_at_r"] for result in of_seeds], digits=3)

    said = [
        line.rpartition(" | ")[2].strip(" |*")
        for line in pages()["README.md"].splitlines()
        if re.match(r"\| .*\d ± \d", line)
    ]
    contestants = ("ours, adaptive k", "pml semi-hard + global loss", "ours, no mining")
    assert said == [at_the_end(each) for each in contestants]
    mean = next(
        line for line in (RESULTS / "glyphs.md").read_text().splitlines() if line.startswith("| mean")
    )
    *_, images, _wall, cpu = mean.strip("| ").split(" | ")
    assert f"| {images} and {cpu} |" in pages()["README.md"]
