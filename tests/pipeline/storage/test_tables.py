from pathlib import Path

import pyarrow as pa
from tripletmine.pipeline.storage.tables import read_table, write_table

TABLE = pa.table({"anchor": pa.array(range(1000), pa.int64()), "distance": [row / 7 for row in range(1000)]})


def test_a_table_comes_back_whole_or_by_column(tmp_path: Path) -> None:
    write_table(tmp_path / "part.parquet", TABLE)
    assert read_table(tmp_path / "part.parquet").equals(TABLE)
    assert read_table(tmp_path / "part.parquet", ["anchor"]).column_names == ["anchor"]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_table(tmp_path / name, TABLE)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_flipped_byte_of_a_page_is_never_silent(tmp_path: Path) -> None:
    """Without page checksums some would be, whatever the compression."""
    path = tmp_path / "part.parquet"
    write_table(path, TABLE)
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(4, footer, 3):
        content = bytearray(whole)
        content[place] ^= 1
        path.write_bytes(content)
        try:
            found = read_table(path)
        except (OSError, pa.ArrowException):
            continue
        assert found.equals(TABLE), f"byte {place}"
