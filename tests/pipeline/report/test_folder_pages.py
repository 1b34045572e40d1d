"""Pages of mined folders: hostile and long texts, suspects, and what is left out of large pages."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.report.html import page as pages
from tripletmine.pipeline.report.report import report_page
from tripletmine.pipeline.report.sections import suspects

from .pages import Page

ROWS, CLASSES = 240, 12
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(2)</script>",
    "<!--",
    "{{ 7 * 7 }}",
    "a\0b\x1b[31mred\x07\r\nline",
    "x" * 5000,
    "שלום \u202egnp.exe\u2066",
    "&lt;b&gt;&amp;",
    "' onmouseover='alert(3)",
    "=1+1",
    "\U0001f600 кириллица 漢字",
]


def vectors_of(classes: np.ndarray, spread: float = 0.45) -> np.ndarray:
    random = np.random.default_rng(0)
    centres = random.normal(size=(CLASSES, 8))
    found = centres[classes] + spread * random.normal(size=(len(classes), 8))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def mined(folder: Path, labels: list[str], keys: list[str] | None = None, **options: Any) -> Path:
    """Twelve clusters with these labels, mined."""
    spread, vectors = options.pop("spread", 0.45), options.pop("vectors", None)
    if vectors is None:
        vectors = vectors_of(np.arange(ROWS) % CLASSES, spread)
    np.save(folder / "x.npy", vectors)
    columns = {"label": labels} | ({} if keys is None else {"key": keys})
    pq.write_table(pa.table(columns), folder / "labels.parquet")
    rule = tm.MiningRule(k_hardness=0.8, margin=0.5)
    tm.mine_files(folder / "x.npy", folder / "labels.parquet", folder / "mined", rule, **options)
    return folder / "mined"


def swapped(every: int = 17) -> tuple[list[str], list[int]]:
    """Labels of which each `every`th is that of another class, and those rows."""
    wrong = list(range(0, ROWS, every))
    return [f"class {(row + (5 if row in wrong else 0)) % CLASSES}" for row in range(ROWS)], wrong


def test_hostile_texts_appear_as_texts(tmp_path: Path) -> None:
    labels = [HOSTILE[row % CLASSES] for row in range(ROWS)]
    for row in range(0, ROWS, 17):
        labels[row] = HOSTILE[(row + 5) % CLASSES]
    keys = [f"{HOSTILE[(row + 1) % CLASSES]}{row}" for row in range(ROWS)]
    texts = [f"{HOSTILE[(row + 2) % CLASSES]}{row}" for row in range(ROWS)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet")
    folder = mined(tmp_path, labels, keys)

    page = Page(report_page(folder, values=str(tmp_path / "texts.parquet")))

    assert [each.get("type") for each in page.all("script")] == ["application/json", None]
    assert page.all("img") == []
    assert not any(name.startswith("on") for _, each in page.elements for name in each)
    assert len(page.cases) > 5
    assert {case["key"] for case in page.cases} <= set(keys)
    assert {case["other"] for case in page.cases} <= set(keys)
    for text in ("<script>alert(1)</script>", "{{ 7 * 7 }}", "&lt;b&gt;&amp;", "a␀b␛[31mred␇␍␊line"):
        assert text in page.text
    assert "x" * 300 + "… (5,000 characters)" in page.text
    assert "x" * 1002 not in page.text
    shown = page.html.replace("\n", "").replace("\t", "")
    assert re.search("[\0-\x1f\x7f\u202e\u2066]", shown) is None


def test_texts_stand_for_rows_and_keys_where_there_are_none(tmp_path: Path) -> None:
    labels, _ = swapped()
    folder = mined(tmp_path, labels)
    pq.write_table(pa.table({"words": [f"the text of {row}" for row in range(ROWS)]}), tmp_path / "t.parquet")
    told: list[str] = []
    page = Page(report_page(folder, values=str(tmp_path / "t.parquet"), column="words", note=told.append))
    assert re.search(r"the text of \d+", page.text)
    assert re.search(r"contains data: \d+ texts", told[-1])
    assert "the text of" not in report_page(folder)
    with pytest.raises(DataError, match="has no column 'text'"):
        report_page(folder, values=str(tmp_path / "t.parquet"))


def test_the_first_suspects_are_those_that_were_planted(tmp_path: Path) -> None:
    labels, wrong = swapped()
    page = Page(report_page(mined(tmp_path, labels, spread=0.2)))
    first = [int(case["key"]) for case in page.cases[: len(wrong)]]
    assert sorted(first) == wrong
    groups = Counter(each["name"] for each in page.all("input") if each.get("type") == "radio")
    assert len(groups) == len(page.cases)
    assert set(groups.values()) <= {4, 5}
    assert {case["kind"] for case in page.cases[: len(wrong)]} == {"mislabelled"}


def test_of_each_suspect_one_thing_is_decided(tmp_path: Path) -> None:
    page = Page(report_page(mined(tmp_path, swapped()[0])))
    radios = [each for each in page.all("input") if each.get("type") == "radio"]
    choices = {each["name"]: [] for each in radios}
    for each in radios:
        choices[each["name"]].append(each["value"])
    assert len(choices) == len(page.cases) > 1
    assert all(sorted(values) == ["", "exclude", "keep", "relabel"] for values in list(choices.values())[:3])


def test_the_same_thing_under_two_labels(tmp_path: Path) -> None:
    labels, _ = swapped(every=ROWS)
    vectors = vectors_of(np.arange(ROWS) % CLASSES)
    apart = -vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
    vectors[[1, 40]] = apart  # far from the others of their classes
    for row, beside in ((30, 0.8), (91, 0.84)):
        vectors[row] = apart - beside * np.eye(8, dtype=np.float32)[6]
        vectors[row] /= np.linalg.norm(vectors[row])
    kinds = {
        frozenset((int(case["key"]), int(case["other"]))): case["kind"]
        for case in Page(report_page(mined(tmp_path, labels, vectors=vectors))).cases
    }
    assert kinds[frozenset((1, 40))] == "duplicate"
    assert kinds[frozenset((30, 91))] == "false negative"


def test_rows_beyond_the_limit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels, _ = swapped()
    folder = mined(tmp_path, labels, spread=0.2)
    monkeypatch.setattr(suspects, "ROWS", 64)
    page = Page(report_page(folder))
    assert f"64 of {ROWS} rows were looked at" in page.text
    assert 0 < len(page.cases) < ROWS / 17


def test_a_page_that_would_be_too_heavy_shows_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels, _ = swapped()
    folder = mined(tmp_path, labels)
    whole = report_page(folder)
    limit = len(whole.encode()) * 3 // 4
    monkeypatch.setattr(pages, "MOST_BYTES", limit)
    less = report_page(folder)
    assert len(less.encode()) <= limit
    assert 0 < len(Page(less).cases) < len(Page(whole).cases)
    assert re.search(r"The \d+ strongest are below", Page(less).text)
