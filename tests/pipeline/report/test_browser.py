"""Pages of real runs in Chromium: light and dark, wide and narrow, by keyboard, and what a person does in them.

The runs are made once, and kept with the pages' screenshots in runs/pages/.
"""

import csv
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tripletmine.pipeline.report.report import report_page, write_report

pytestmark = pytest.mark.system

AXE = "axe-core@4.14.1"
FOLDER = Path("runs/pages")
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
SEEN = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
REACHABLE = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
    .filter((each) => each.checkVisibility() && (each.type !== "radio" || each.checked))
    .map((each, at) => { each.dataset.reach = at; return each.outerHTML.slice(0, 120); })"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three pages, as files."""
    from .real_data import emoji_run, glyph_run, text_folder

    folder = tmp_path_factory.mktemp("pages")
    FOLDER.mkdir(parents=True, exist_ok=True)
    runs = {"glyphs": glyph_run(FOLDER), "emoji": emoji_run(FOLDER)}
    texts, values = text_folder(tmp_path_factory.mktemp("texts"))
    for name, root in runs.items():
        assert (root / "report.html").exists(), "run.report = true writes it"
        write_report(root, folder / f"{name}.html")
    write_report(texts, folder / "texts.html", values=str(values))
    return {name: folder / f"{name}.html" for name in (*runs, "texts")}


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core."""
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run(["npm", "install", "--prefix", str(folder), AXE], check=True, stdout=subprocess.DEVNULL)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", chromium_sandbox=False)
        yield browser
        browser.close()


class Opened:
    """A page in a browser, and what it logged and requested."""

    def __init__(self, browser: Any, file: Path, *, size: str = "wide", **options: Any) -> None:
        width, height = SIZES[size]
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    def shown(self) -> list[int]:
        """Numbers of the cases that are seen, in order."""
        return self.page.evaluate(
            "[...document.querySelectorAll('#cases > .case')].filter((each) => !each.hidden)"
            ".map((each) => +each.dataset.at)"
        )

    def cases(self) -> list[dict[str, Any]]:
        """What the script knows of them."""
        return json.loads(self.page.locator("#data").text_content())

    def choose(self, at: int, value: str) -> None:
        """Click a decision."""
        self.page.locator(f"#cases > [data-at='{at}'] label:has([value='{value}'])").click()

    def downloaded(self, folder: Path) -> list[dict[str, str]]:
        """The rows of review.csv."""
        with self.page.expect_download() as download:
            self.page.click("#download")
        assert download.value.suggested_filename == "review.csv"
        download.value.save_as(folder / "review.csv")
        with (folder / "review.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["glyphs", "emoji", "texts"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_page_is_quiet_fits_and_is_accessible(
    name: str, scheme: str, size: str, pages: dict[str, Path], axe: str, chromium: Any
) -> None:
    opened = Opened(chromium, pages[name], size=size, color_scheme=scheme)
    opened.page.screenshot(path=FOLDER / f"{name}-{scheme}-{size}.png")
    assert opened.page.evaluate(SEEN) <= 0
    opened.page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    assert opened.page.evaluate(SEEN) <= 0
    assert opened.said == []
    assert {url.partition(":")[0] for url in opened.asked} <= {"file", "data", "blob"}
    assert pages[name].stat().st_size <= 5_000_000

    judged = Opened(chromium, pages[name], size=size, color_scheme=scheme, bypass_csp=True)
    judged.page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    judged.page.evaluate(axe)
    found = judged.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


@pytest.mark.parametrize("name", ["glyphs", "texts"])
def test_the_keyboard_reaches_all(name: str, pages: dict[str, Path], chromium: Any) -> None:
    page = Opened(chromium, pages[name]).page
    wanted = page.evaluate(REACHABLE)
    reached = set()
    for _ in range(len(wanted) + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.reach"))
    assert [html for at, html in enumerate(wanted) if str(at) not in reached] == []


def test_cases_are_decided_by_keyboard(pages: dict[str, Path], chromium: Any, tmp_path: Path) -> None:
    opened = Opened(chromium, pages["glyphs"])
    first = opened.shown()[0]
    opened.page.locator(f"#cases > [data-at='{first}'] [type=radio]:checked").focus()
    opened.page.keyboard.press("ArrowRight")
    (row,) = opened.downloaded(tmp_path)
    assert (row["decision"], row["key"]) == ("keep", opened.cases()[first]["key"])
    opened.page.keyboard.press("ArrowLeft")


def test_filter_and_order(pages: dict[str, Path], chromium: Any) -> None:
    opened = Opened(chromium, pages["emoji"])
    cases, shown = opened.cases(), opened.shown()
    assert shown == list(range(min(48, len(cases))))
    label = cases[3]["label"]
    opened.page.fill("#find", label.upper())
    assert 3 in opened.shown()
    assert len(opened.shown()) < len(shown)
    opened.page.fill("#find", "no such thing")
    assert opened.shown() == []
    assert opened.page.locator("#none").is_visible()
    opened.page.fill("#find", "")
    for kind in {case["kind"] for case in cases}:
        opened.page.select_option("#kind", kind)
        assert {cases[at]["kind"] for at in opened.shown()} == {kind}
    opened.page.select_option("#kind", "")
    opened.page.select_option("#order", "distance")
    distances = opened.page.evaluate(
        "[...document.querySelectorAll('#cases > .case')].map((each) => +each.dataset.distance)"
    )
    assert distances == sorted(distances)
    opened.page.select_option("#order", "score")
    assert opened.shown() == shown
    while opened.page.locator("#more").is_visible():
        opened.page.click("#more")
    assert opened.shown() == list(range(len(cases)))
    assert opened.said == []


def test_decisions_are_downloaded_and_outlive_a_reload(
    pages: dict[str, Path], chromium: Any, tmp_path: Path
) -> None:
    opened = Opened(chromium, pages["emoji"])
    while opened.page.locator("#more").is_visible():
        opened.page.click("#more")
    cases = opened.cases()
    rows = [at for at, case in enumerate(cases) if case["kind"] == "mislabelled"]
    pairs = [at for at, case in enumerate(cases) if case["kind"] != "mislabelled"]
    assert len(rows) >= 4
    assert len(pairs) >= 4
    opened.choose(rows[0], "keep")
    opened.choose(rows[1], "relabel")
    opened.choose(rows[2], "relabel")
    opened.page.fill(f"#cases > [data-at='{rows[2]}'] [type=text]", 'a "new", label ')
    opened.choose(rows[3], "exclude")
    for at, value in zip(pairs, ("keep", "never_negative", "exclude", "exclude_other"), strict=False):
        opened.choose(at, value)
    opened.choose(rows[3], "")

    expected = {
        ("keep", cases[rows[0]]["key"], "", ""),
        ("relabel", cases[rows[1]]["key"], "", cases[rows[1]]["suggested"]),
        ("relabel", cases[rows[2]]["key"], "", 'a "new", label'),
        ("keep", cases[pairs[0]]["key"], cases[pairs[0]]["other"], ""),
        ("never_negative", cases[pairs[1]]["key"], cases[pairs[1]]["other"], ""),
        ("exclude", cases[pairs[2]]["key"], "", ""),
        ("exclude", cases[pairs[3]]["other"], "", ""),
    }
    assert {tuple(row.values()) for row in opened.downloaded(tmp_path)} == expected
    opened.page.reload()
    assert {tuple(row.values()) for row in opened.downloaded(tmp_path)} == expected
    opened.page.select_option("#state", "done")
    assert sorted(opened.shown()) == sorted([*rows[:3], *pairs[:4]])
    assert opened.said == []


def test_hostile_texts_do_nothing_in_a_browser(chromium: Any, tmp_path: Path) -> None:
    from .test_folder_pages import CLASSES, HOSTILE, ROWS, mined

    labels = [HOSTILE[row % CLASSES] for row in range(ROWS)]
    for row in range(0, ROWS, 17):
        labels[row] = HOSTILE[(row + 5) % CLASSES]
    keys = [f"{HOSTILE[(row + 1) % CLASSES]}{row}" for row in range(ROWS)]
    file = tmp_path / "page.html"
    file.write_text(report_page(mined(tmp_path, labels, keys)), encoding="utf-8", newline="")
    opened = Opened(chromium, file, size="narrow")
    assert opened.page.evaluate(SEEN) <= 0
    for at in opened.shown():
        kind = opened.cases()[at]["kind"]
        opened.choose(at, "relabel" if kind == "mislabelled" else "never_negative")
    rows = opened.downloaded(tmp_path)
    # A cell that a spreadsheet would compute begins with an apostrophe.
    meant = [re.sub("^'(?==)", "", row["key"]) for row in rows]
    assert meant == [case["key"] for case in opened.cases()]
    assert {re.sub("^'(?==)", "", row["label"]) for row in rows} <= {label.strip() for label in labels} | {""}
    assert opened.said == []
    assert {url.partition(":")[0] for url in opened.asked} <= {"file", "data", "blob"}
