"""URLs in tables: which hosts they ask, and that they may not ask this machine."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.data.safety.urls import asked, local_host
from tripletmine.pipeline.data.table import ImageTable
from tripletmine.pipeline.errors import DataError

LOCAL = (
    "http://localhost/a.png",
    "http://LOCALHOST.:8080/a.png",
    "http://x.localhost/a.png",
    "https://127.0.0.1/a.png",
    "http://127.1/a.png",
    "http://2130706433/a.png",
    "http://0x7f000001/a.png",
    "http://0.0.0.0/a.png",
    "http://[::1]:80/a.png",
    "http://[::ffff:127.0.0.1]/a.png",
    "http://[fe80::1]/a.png",
    "http://169.254.169.254/latest/meta-data",
    "ftp://127.0.0.1/a.png",
    "zip://a.png::http://127.0.0.1/x.zip",
    "simplecache::http://127.0.0.1/a.png",
    "http://user@127.0.0.1/a.png",
)
ELSEWHERE = (
    "http://93.184.216.34/a.png",
    "http://10.0.0.7/a.png",
    "http://[2001:db8::1]/a.png",
    "s3://localhost/a.png",
    "memory://localhost/a.png",
    "file://localhost/a.png",
    "http://[::1/a.png",
    "a.png",
)


@pytest.mark.parametrize("url", LOCAL)
def test_this_machine_and_its_link(url: str):
    assert local_host(url) is not None


@pytest.mark.parametrize("url", ELSEWHERE)
def test_everybody_else(url: str):
    assert local_host(url) is None


def test_who_is_asked():
    assert asked("https://me:pw@host:8080/a/b.png") == ["https://…@host:8080"]
    assert asked("zip://a.png::s3://bucket/x.zip") == ["s3://bucket"]
    assert asked("file:///a.png") == asked("memory://a.png") == asked("/a.png") == []


def table(folder: Path, *paths: str, **columns: list[str]) -> str:
    """A table with these paths, and one that is an ordinary file."""
    names = ["a.png", *paths]
    pq.write_table(pa.table({"path": names, "label": ["x"] * len(names), **columns}), folder / "t.parquet")
    return str(folder / "t.parquet")


def test_a_table_may_not_ask_this_machine(tmp_path: Path):
    location = table(tmp_path, "http://10.0.0.7/b.png", "http://127.0.0.1:9/b.png")
    with pytest.raises(
        DataError, match=r"t\.parquet, row 2 .*127\.0\.0\.1 is this machine .*data\.allow_local_urls = true"
    ):
        ImageTable(location).rows  # noqa: B018
    assert len(ImageTable(location, allow_local_urls=True).rows) == 3


@pytest.mark.parametrize("column", ["path", "label", "group"])
def test_secrets_in_cells_are_refused(tmp_path: Path, column: str):
    secret = "https://me:t0psecret@host/b.png"
    cells = {"path": ["a.png", "b.png"], "label": ["x", "y"], "group": ["1", "2"]}
    cells[column][1] = secret
    pq.write_table(pa.table(cells), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="has 1 URLs with credentials in them") as caught:
        ImageTable(str(tmp_path / "t.parquet")).rows  # noqa: B018
    assert "t0psecret" not in str(caught.value)


def test_secrets_in_keys_of_arrays_are_refused(tmp_path: Path):
    secret = "https://host/b.png?sig=t0psecret"
    columns = {"embedding": [[1.0, 0.0], [0.0, 1.0]], "label": [["x"], ["x", "y"]], "key": ["a", secret]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="has 1 URLs with credentials in them") as caught:
        Arrays(str(tmp_path / "x.parquet")).rows  # noqa: B018
    assert "t0psecret" not in str(caught.value)
    columns |= {"key": ["a", "b"], "label": [["x"], ["x", secret]]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="has 1 URLs with credentials in them"):
        Arrays(str(tmp_path / "x.parquet")).rows  # noqa: B018
