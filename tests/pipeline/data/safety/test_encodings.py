"""Tables of labels in other encodings, and without a first line that names the columns."""

from pathlib import Path

import pytest
from tripletmine.pipeline.data.columns import ROW_NAMES, read_columns
from tripletmine.pipeline.errors import DataError

TEXT = "label,split\ncafé,train\ntea,test\n"


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf-16", r"t\.csv is UTF-16: save it as UTF-8"),
        ("utf-16-le", r"t\.csv is not UTF-8 .*: save it as UTF-8"),
        ("utf-32-be", r"t\.csv is not UTF-8 .*: save it as UTF-8"),
        ("latin-1", r"t\.csv is not UTF-8 \(byte 15 is 0xe9; Latin-1, perhaps\): save it as UTF-8"),
    ],
)
def test_other_encodings_are_named(tmp_path: Path, encoding: str, message: str):
    (tmp_path / "t.csv").write_bytes(TEXT.encode(encoding))
    with pytest.raises(DataError, match=message):
        read_columns(str(tmp_path / "t.csv"), ROW_NAMES)
    (tmp_path / "t.csv").write_bytes(
        (tmp_path / "t.csv").read_bytes().decode(encoding).encode()
    )  # the remedy
    assert read_columns(str(tmp_path / "t.csv"), ROW_NAMES)["label"].to_pylist() == ["café", "tea"]


def test_zero_bytes_are_another_encoding(tmp_path: Path):
    (tmp_path / "t.csv").write_bytes("label\na\nb\n".encode("utf-16-le"))
    with pytest.raises(DataError, match=r"t\.csv is UTF-16 or UTF-32, by its zero bytes: save it as UTF-8"):
        read_columns(str(tmp_path / "t.csv"), ROW_NAMES)


def test_a_table_without_a_first_line(tmp_path: Path):
    (tmp_path / "t.csv").write_text("a\nb\na\nb\n")
    with pytest.raises(
        DataError, match=r"none of the columns label, .* \(its first line says: a\): begin it"
    ):
        read_columns(str(tmp_path / "t.csv"), ROW_NAMES)
    (tmp_path / "t.csv").write_text("label\na\nb\na\nb\n")
    assert len(read_columns(str(tmp_path / "t.csv"), ROW_NAMES)) == 4
