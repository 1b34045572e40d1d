"""Files of training sets."""

import gzip
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.errors import SpecError, UnavailableError
from tripletmine.pipeline.standalone.training_sets.files import training_file
from tripletmine.pipeline.standalone.training_sets.training_set import TrainingSet

ROWS = pa.table(
    {"anchor": ["ä", "b\u2028", "c"], "negative": ["x", "y", "z"], "scores": [[0.5, 1.0], [], [1.0]]}
)


def written(path: Path) -> Path:
    """Write the rows in two blocks."""
    with training_file(path) as write:
        write(ROWS.slice(0, 2))
        write(ROWS.slice(2))
    return path


def test_json_lines(tmp_path: Path) -> None:
    lines = written(tmp_path / "a.jsonl").read_bytes().split(b"\n")
    assert [json.loads(line) for line in lines[:-1]] == ROWS.to_pylist()
    assert "ä".encode() in lines[0]


def test_packed_json_lines_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    packed = written(tmp_path / "a.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == written(tmp_path / "a.jsonl").read_bytes()
    assert written(tmp_path / "b.jsonl.gz").read_bytes() == packed


def test_parquet(tmp_path: Path) -> None:
    assert pq.read_table(written(tmp_path / "deep" / "a.parquet")).equals(ROWS)


def test_a_folder_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    first, second = (
        {path.name: path.read_bytes() for path in written(tmp_path / name).iterdir()} for name in ("a", "b")
    )
    assert first == second


def test_a_folder_is_opened_by_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    TrainingSet(ROWS).save(tmp_path / "set")
    assert datasets.load_from_disk(str(tmp_path / "set")).to_list() == ROWS.to_pylist()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a"])
def test_nothing_is_left_of_what_broke_off(name: str, tmp_path: Path) -> None:
    def half(path: Path) -> None:
        with training_file(path) as write:
            write(ROWS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_name_that_does_not_say_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match=r"a\.json ends in none of \.parquet, \.jsonl, \.jsonl\.gz: choose one"
    ):
        written(tmp_path / "a.json")
    written(tmp_path / "a.jsonl")
    with pytest.raises(SpecError, match="exists already"):
        written(tmp_path / "a.jsonl")


def test_a_folder_without_datasets_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UnavailableError, match=r"pip install 'tripletmine\[huggingface\]', or name a file"):
        written(tmp_path / "a")
    written(tmp_path / "a.parquet")
