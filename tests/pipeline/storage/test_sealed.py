import json
from pathlib import Path

import pytest
from tripletmine.pipeline.storage.digest import digest_json
from tripletmine.pipeline.storage.sealed import publish_sealed, read_sealed

VALUE = {"step": 4, "inputs": {"keys": ["a", 2.5, None]}}


def test_a_value_comes_back_as_it_was(tmp_path: Path) -> None:
    publish_sealed(tmp_path / "file.json", VALUE)
    assert read_sealed(tmp_path / "file.json") == VALUE
    assert json.loads((tmp_path / "file.json").read_bytes()) == {**VALUE, "digest": digest_json(VALUE)}


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    """Many of them leave valid JSON of another meaning: 4 becomes 5, "keys" becomes "jeys"."""
    path = tmp_path / "file.json"
    publish_sealed(path, VALUE)
    content = path.read_bytes()
    still_json = 0
    for position in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            # Another kind of white space means the same.
            if json.loads(damaged) == json.loads(content):
                assert read_sealed(path) == VALUE
                continue
            still_json += 1
        except ValueError:
            pass
        with pytest.raises(ValueError, match=r"."):
            read_sealed(path)
    assert still_json > 100


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"step": 4}', '{"step": NaN}', "[" * 100_000])
def test_what_was_never_sealed(tmp_path: Path, content: str) -> None:
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(ValueError, match=r"own digest|JSON|too deep|Expecting"):
        read_sealed(tmp_path / "file.json")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_sealed(tmp_path / "file.json")
