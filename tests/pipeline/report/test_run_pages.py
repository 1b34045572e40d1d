"""Pages of a run: what is on them, and what they say of what is gone."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tripletmine.flows.cli import app
from tripletmine.flows.direct import run_directly
from tripletmine.flows.opened_run import opened_spec
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import StageFolder
from tripletmine.pipeline.report.report import report_page, write_report
from tripletmine.pipeline.runfile.run_spec import RunSpec
from typer.testing import CliRunner

from ..conftest import Finished
from ..runs import Recorded
from .pages import Page

SECTIONS = {"decide", "hardest", "curves", "confused", "changes", "map", "record"}


@pytest.fixture(scope="module")
def page(digits_run: Finished) -> Page:
    return Page(report_page(digits_run.root))


def test_a_page_has_all_of_a_run(digits_run: Finished, page: Page) -> None:
    report = json.loads((digits_run.root / "epochs" / "0001" / "evaluate" / "manifest.json").read_text())[
        "report"
    ]["validation"]
    tested = json.loads((digits_run.root / "test" / "manifest.json").read_text())["report"]["test"]

    assert page.ids >= SECTIONS
    low, high = tested["map_at_r_interval"]
    assert f"MAP@R {tested['map_at_r']:.3f} (95 %: {low:.3f} to {high:.3f}) and Recall@1" in page.text
    assert f" {tested['recall@1']:.3f} (95 %: " in page.text
    assert '<path class="band c0"' in page.html
    assert f"{report['map_at_r']:.3f} after epoch 1" in page.text
    assert f"; {report['queries']:,} queries, each against {report['gallery']:,} others." in page.text
    assert "k = " in page.text
    assert not re.search(r"by the margin\.\S", page.text)
    assert "Not on this page" not in page.text
    assert len(page.html.encode()) < 1_000_000


def test_a_page_asks_nothing_of_anybody(page: Page) -> None:
    links = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "action", "srcset", "poster", "data")
    ]
    assert links
    assert {link for link in links if not re.match(r"#|data:image/webp;base64,", link or "")} == set()
    (policy,) = (each["content"] for each in page.all("meta") if each.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "connect-src" not in policy
    assert not any(name.startswith("on") or name == "style" for _, each in page.elements for name in each)


def test_decisions_are_posted_only_where_a_url_is_given(digits_run: Finished) -> None:
    served = Page(report_page(digits_run.root, save="decisions"))
    (body,) = served.all("body")
    assert body["data-save"] == "decisions"
    assert any("connect-src 'self'" in (each.get("content") or "") for each in served.all("meta"))


def test_pictures_are_there_unless_they_are_not_wanted(digits_run: Finished, page: Page) -> None:
    told: list[str] = []
    without = Page(report_page(digits_run.root, images=False, note=told.append))

    assert len(page.all("img")) >= 3
    assert without.all("img") == []
    assert "no pictures or texts" in told[-1]
    assert "This page contains data: " in page.text
    assert without.ids == page.ids


def test_the_hardest_triplets_are_of_different_pairs_of_classes(page: Page) -> None:
    titles = re.findall(r'<h3><bdi class="label">(\w+)</bdi> .*?<bdi class="label">(\w+)</bdi>', page.html)
    assert len(titles) > 3
    assert len({frozenset(pair) for pair in titles}) == len(titles)


def test_a_pruned_run_has_its_page_and_says_what_is_gone(copied_run: Callable[..., RunSpec]) -> None:
    root = copied_run().root
    for stage in ("embed", "graph", "mine"):
        StageFolder(root, StageRef(1, stage)).prune()
    told: list[str] = []
    page = Page(report_page(root, note=told.append))

    assert page.ids >= {"curves", "record"}
    assert page.ids.isdisjoint({"decide", "hardest", "confused", "map"})
    assert "rose from" in page.text
    assert "Not on this page" in page.text
    assert "pruned by run.keep" in page.text
    assert any("Suspects" in each for each in told)


@pytest.mark.parametrize(
    ("stage", "there", "gone"),
    [("graph", {"hardest", "map"}, {"decide"}), ("embed", {"hardest", "decide"}, {"map"})],
)
def test_what_one_stage_left_is_gone(
    stage: str, there: set[str], gone: set[str], copied_run: Callable[..., RunSpec]
) -> None:
    root = copied_run().root
    StageFolder(root, StageRef(1, stage)).prune()
    page = Page(report_page(root))
    assert page.ids >= there
    assert page.ids.isdisjoint(gone)


def test_damage_is_named_and_the_rest_is_shown(copied_run: Callable[..., RunSpec]) -> None:
    root = copied_run().root
    (root / "epochs" / "0001" / "mine" / "confusion.parquet").write_bytes(b"PAR1")
    page = Page(report_page(root))
    assert "confusion.parquet" in page.text
    assert "--from-stage mine --epoch 1" in page.text
    assert page.ids >= {"hardest", "decide", "map"}


def test_a_run_that_has_only_warmed_up(copied_run: Callable[..., RunSpec]) -> None:
    root = copied_run().root
    shutil.rmtree(root / "epochs" / "0001")
    shutil.rmtree(root / "test")
    page = Page(report_page(root))
    assert "has triplets: let the run go on" in page.text
    assert "The run is not finished: 1 of 2 epochs have been evaluated." in page.text
    assert page.ids >= {"curves", "record"}


def test_an_epoch_that_mined_nothing_is_refused(digits_run: Finished) -> None:
    with pytest.raises(SpecError, match=r"epoch 0 of .* has no triplets"):
        report_page(digits_run.root, epoch=0)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="holds no mined triplets"):
        report_page(tmp_path)
    (tmp_path / "page").mkdir()
    with pytest.raises(SpecError, match=r"is a folder: name a file in it, as .*page/report.html"):
        write_report(tmp_path, tmp_path / "page")


def test_t_sne_is_another_map(digits_run: Finished, page: Page) -> None:
    other = Page(report_page(digits_run.root, method="tsne"))
    assert "t-SNE, which preserves neighbourhoods" in other.text
    assert "principal components" in page.text


def test_a_run_leaves_its_page_where_it_is_asked_to(copied_run: Callable[..., RunSpec]) -> None:
    spec = copied_run(run={"report": True})
    progress = Recorded()
    with opened_spec(spec, progress) as opened:
        run_directly(opened)
    assert f"wrote {spec.root / 'report.html'}" in progress.notes
    assert Page((spec.root / "report.html").read_text("utf-8")).ids >= SECTIONS


def test_a_run_whose_page_cannot_be_made_has_ended_well(copied_run: Callable[..., RunSpec]) -> None:
    spec = copied_run(run={"report": True})
    (spec.root / "report.html").mkdir()
    progress = Recorded()
    with opened_spec(spec, progress) as opened:
        run_directly(opened)
    assert [note for note in progress.notes if note.startswith("run.report: there is no page: ")]


def test_the_command_says_what_the_page_carries(digits_run: Finished, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    said = CliRunner().invoke(app, ["report", str(digits_run.root), "--out", str(out), "--no-images"])
    assert said.exit_code == 0
    assert "no pictures or texts" in said.output
    assert f"wrote {out} (" in said.output
    assert "<img" not in out.read_text("utf-8")
