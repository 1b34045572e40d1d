from pathlib import Path

import pytest
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.run.overview import overview

from ..conftest import Finished
from ..runs import KEEP_ALL, small_spec


def test_the_overview_is_what_the_run_then_does(digits_run: Finished) -> None:
    found = overview(digits_run.spec)
    assert [(stage.ref, stage.plan.tasks) for stage in found.stages] == [
        (result.ref, result.tasks_run) for result in digits_run.results
    ]
    assert found.facts.train + found.facts.validation + found.facts.test == 1797
    assert found.facts.classes == 10
    for stage, result in zip(found.stages, digits_run.results, strict=True):
        assert stage.plan.disk_bytes >= 0.5 * result.manifest.bytes, stage.ref


def test_nothing_is_written(tmp_path: Path) -> None:
    overview(small_spec(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_keeping_less_needs_less_disk(tmp_path: Path) -> None:
    many = {"name": "many", "epochs": 8}
    everything = overview(small_spec(tmp_path, run={**many, "keep": KEEP_ALL})).disk_bytes
    found = overview(small_spec(tmp_path, run={**many, "keep": {"graph": 3, "triplets": 1}}))
    assert found.disk_bytes < everything

    def together(name: str, epochs: int) -> int:
        return sum([stage.plan.disk_bytes for stage in found.stages if stage.ref.stage == name][:epochs])

    # One more than is kept, as the new one is there before the old one goes.
    assert found.disk_bytes == (
        together("embed", 2)
        + together("graph", 4)
        + together("mine", 2)
        + together("train", 3)
        + together("evaluate", 8)
        + together("test", 1)
    )


@pytest.mark.parametrize("neighbours", [1306, 5000])
def test_more_neighbours_than_rows(tmp_path: Path, neighbours: int) -> None:
    rows = overview(small_spec(tmp_path)).facts.train
    with pytest.raises(SpecError, match=f"has {rows} rows: lower it to at most {rows - 1}"):
        overview(small_spec(tmp_path, graph={"neighbours": max(neighbours, rows)}))


def test_more_parts_than_rows_allow(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match=r"graph.parts is 500 but the training split has .* lower it to at most"
    ):
        overview(small_spec(tmp_path, graph={"parts": 500}))


def test_no_test_where_none_is_wanted(tmp_path: Path) -> None:
    stages = overview(small_spec(tmp_path, evaluate={"test": "never"})).stages
    assert "test" not in {stage.ref.stage for stage in stages}
