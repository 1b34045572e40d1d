import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.storage.manifest import (
    SCHEMA,
    Manifest,
    has_manifest,
    read_manifest,
    write_manifest,
)
from tripletmine.pipeline.storage.receipts import FileStamp, Receipt

MANIFEST = Manifest(
    stage="mine",
    epoch=3,
    inputs={"keys": {"mine": {"margin": 0.2}}, "parents": {"graph of epoch 3": "abc"}},
    receipts=(
        Receipt(
            "rows-00000", 10, {"triplets/part-00000.parquet": FileStamp(7, "00")}, {"counts": {"kept": 1}}
        ),
        Receipt("rows-00001", 5, {"triplets/part-00001.parquet": FileStamp(4, "11")}),
    ),
    report={"k_hardness": 0.95},
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)

REMEDY = r"manifest\.json .*redo the stage with --from-stage"


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    assert not has_manifest(tmp_path)
    assert read_manifest(tmp_path) is None
    write_manifest(tmp_path, MANIFEST)

    assert has_manifest(tmp_path)
    assert read_manifest(tmp_path) == MANIFEST
    assert MANIFEST.bytes == 11
    assert list(MANIFEST.files) == ["triplets/part-00000.parquet", "triplets/part-00001.parquet"]


def test_the_fingerprint_is_of_the_inputs_alone() -> None:
    assert replace(MANIFEST, report={}, receipts=()).fingerprint == MANIFEST.fingerprint
    assert replace(MANIFEST, inputs={}).fingerprint != MANIFEST.fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": {}},
        {"report": {"k_hardness": 0.96}},
        {"receipts": MANIFEST.receipts[:1]},
        {"receipts": (MANIFEST.receipts[0], replace(MANIFEST.receipts[1], rows=6))},
    ],
)
def test_the_digest_is_of_all_that_children_depend_on(changes: dict[str, Any]) -> None:
    assert replace(MANIFEST, **changes).digest != MANIFEST.digest


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "null",
        lambda text: "[1, 2]",
        lambda text: "this is not JSON",
        lambda text: text.replace("0.95", "0.94"),
        lambda text: text.replace('"rows": 5', '"rows": 6'),
        lambda text: text.replace('"margin": 0.2', '"margin": 0.3'),
        lambda text: text.replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA + 1}'),
        lambda text: text.replace('"epoch": 3', '"epoch": Infinity'),
        lambda text: text.replace('"sha256": "00"', '"size": "00"'),
        lambda text: text.replace('"stage"', '"step"'),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_manifest_is_named_with_the_remedy(tmp_path: Path, edit: Any) -> None:
    write_manifest(tmp_path, MANIFEST)
    path = tmp_path / "manifest.json"
    edited = edit(path.read_text())
    assert edited != path.read_text()
    path.write_text(edited)

    with pytest.raises(CorruptError, match=REMEDY):
        read_manifest(tmp_path)


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    """One bit in every byte, also of the fingerprint, which the digest does not need."""
    write_manifest(tmp_path, MANIFEST)
    path = tmp_path / "manifest.json"
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            found = read_manifest(tmp_path)
        except CorruptError:
            continue
        # Readers compare stage and epoch with the place of the file.
        assert found is not None
        assert (found.stage, found.epoch) != (MANIFEST.stage, MANIFEST.epoch), damaged[
            position - 20 : position + 20
        ]


def test_bytes_that_are_no_text_are_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe\x00rubbish")
    with pytest.raises(CorruptError, match=REMEDY):
        read_manifest(tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANY_JSON)
def test_no_json_makes_the_reader_fail_otherwise(tmp_path: Path, value: object) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(value))
    with pytest.raises(CorruptError, match=REMEDY):
        read_manifest(tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from(["schema", "stage", "epoch", "inputs", "receipts", "report", "digest"]),
    value=ANY_JSON,
)
def test_no_value_of_a_field_makes_the_reader_fail_otherwise(
    tmp_path: Path, field: str, value: object
) -> None:
    write_manifest(tmp_path, MANIFEST)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    try:
        found = read_manifest(tmp_path)
    except CorruptError:
        return
    assert found is not None
    assert found.digest == MANIFEST.digest, "only what does not count may differ"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_no_flipped_byte_gives_another_manifest(tmp_path: Path, data: st.DataObject) -> None:
    write_manifest(tmp_path, MANIFEST)
    path = tmp_path / "manifest.json"
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = read_manifest(tmp_path)
    except CorruptError:
        return
    assert found is not None
    assert found.digest == MANIFEST.digest
