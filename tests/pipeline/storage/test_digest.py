import pytest
from tripletmine.pipeline.storage.digest import digest_bytes, digest_file, digest_json


def test_json_counts_and_the_order_of_keys_does_not() -> None:
    assert digest_json({"a": 1, "b": [1, 2]}) == digest_json({"b": [1, 2], "a": 1})
    assert digest_json({"a": [1, 2]}) != digest_json({"a": [2, 1]})
    assert digest_json({"a": 1}) != digest_json({"a": "1"})


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        digest_json({"loss": float("nan")})


def test_a_file_and_its_bytes_have_the_same_digest(tmp_path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    assert digest_file(path) == digest_bytes(b"abc" * 100_000)
    assert digest_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
