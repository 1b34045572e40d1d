"""Verification on the page of a run: the curve, and the figures beside it."""

import json
import math
import re
from pathlib import Path

import pytest
from tripletmine.pipeline.report.content import Roc
from tripletmine.pipeline.report.html.charts import roc_svg
from tripletmine.pipeline.report.report import report_page

from ..conftest import Finished
from ..labelled import labelled_spec, write_labelled
from ..runs import finish
from .pages import Page


def test_a_run_that_verified_has_a_curve_for_each_split_and_its_figures(tmp_path: Path) -> None:
    write_labelled(tmp_path)
    spec = labelled_spec(tmp_path, run={"epochs": 1}, evaluate={"pairs": 400, "fars": [0.001, 0.1]})
    finish(spec)
    page = Page(report_page(spec.root))
    assert "verification" in page.ids
    drawn = page.html.partition('id="verification"')[2].partition("</section>")[0]
    assert re.findall(r"<title>(\w+): area", drawn) == ["validation", "test"]
    for report in ("epochs/0000/evaluate", "test"):
        figures = json.loads((spec.root / report / "metrics.json").read_bytes())[
            "test" if report == "test" else "validation"
        ]
        accuracy, error = figures["verification_accuracy"], figures["verification_error"]
        assert f"{accuracy:.3f} ± {error:.3f}" in drawn
        assert f'<td class="n">{figures["tar@0.1"]:.3f}</td>' in drawn
        assert f"{figures['verification_same']:,} + {figures['verification_different']:,}" in drawn
        assert figures["tar@0.001"] is None


def test_a_run_that_did_not_has_none(digits_run: Finished) -> None:
    page = Page(report_page(digits_run.root))
    assert "verification" not in page.ids
    assert "ROC" not in page.text


@pytest.mark.parametrize(("different", "decades"), [(1, 1), (10, 1), (1000, 3), (2500, 4)])
def test_the_axis_goes_from_the_least_share_to_all(different: int, decades: int) -> None:
    points = [(0.0, 0.25), (1 / different, 0.5), (1.0, 1.0)]
    roc = Roc("test", points, same=4, different=different, accuracy=0.9, error=0.01, area=0.8, tars={})
    drawn = roc_svg([roc])
    ticks = re.findall(r'class="tick mid"[^>]*>([^<]+)<', drawn)
    assert [float(tick) for tick in ticks] == pytest.approx(
        [10.0**-power for power in range(decades, -1, -1)]
    )
    (path,) = re.findall(r'class="line c0" d="M([^"]+)"', drawn)
    (left, _), (middle, _), (right, top) = (map(float, place.split()) for place in path.split("L"))
    share = 1 - math.log10(different) / decades
    assert middle == pytest.approx(left + share * (right - left), abs=0.11)
    assert top == pytest.approx(12.0)
