"""Runs whose rows version 0.1 drew go on as they are; new ones split by hashes."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.data.digits import Digits
from tripletmine.pipeline.data.rows import build_rows
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.sealed import publish_sealed, read_sealed

from ..runs import small_spec


def open_and_close(spec: RunSpec) -> str:
    with open_run(spec) as run:
        return run.facts.data_digest


def splits(root: Path) -> list[str]:
    return pq.read_table(root / "rows.parquet")["split"].to_pylist()


@pytest.fixture
def drawn_run(tmp_path: Path) -> RunSpec:
    """A run as version 0.1 left it: drawn splits, of which run.json says nothing."""
    spec = small_spec(tmp_path)
    drawn = build_rows(Digits(), spec.data, seed=spec.run.seed, splitting="drawn")
    spec.root.mkdir(parents=True)
    (spec.root / ".lock").touch()
    pq.write_table(drawn, spec.root / "rows.parquet", compression="zstd", write_page_checksum=True)
    open_and_close(spec)
    record = read_sealed(spec.root / "run.json")
    assert record.pop("splitting") == "drawn"
    publish_sealed(spec.root / "run.json", record)
    return spec


def remove_rows(root: Path) -> None:
    (root / "rows.parquet").unlink()


def remove_record(root: Path) -> None:
    (root / "run.json").unlink()


def leave(root: Path) -> None:
    pass


@pytest.mark.parametrize("damage", [leave, remove_rows, remove_record])
def test_an_older_run_keeps_its_rows(drawn_run: RunSpec, damage: Callable[[Path], None]) -> None:
    before = read_sealed(drawn_run.root / "run.json")["facts"]["data_digest"]
    rows = (drawn_run.root / "rows.parquet").read_bytes()
    damage(drawn_run.root)
    assert open_and_close(drawn_run) == before
    assert (drawn_run.root / "rows.parquet").read_bytes() == rows
    assert read_sealed(drawn_run.root / "run.json")["splitting"] == "drawn"


def test_check_says_of_an_older_run_what_it_has(drawn_run: RunSpec) -> None:
    assert describe_data(drawn_run).validation == splits(drawn_run.root).count("validation")


@pytest.mark.parametrize("damage", [leave, remove_rows, remove_record])
def test_a_new_run_splits_by_hashes_and_keeps_them(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    spec = small_spec(tmp_path)
    digest = open_and_close(spec)
    rows = pq.read_table(spec.root / "rows.parquet")
    assert rows.equals(build_rows(Digits(), spec.data, seed=0, splitting="hashed"))
    damage(spec.root)
    assert open_and_close(spec) == digest
    assert read_sealed(spec.root / "run.json")["splitting"] == "hashed"
