import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.storage.publish import publish_bytes
from tripletmine.pipeline.storage.receipts import (
    FileStamp,
    Receipt,
    damaged_files,
    misfits,
    read_receipts,
    stamp_files,
    write_receipt,
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def receipt(folder: Path, task: str = "rows-00000", content: bytes = b"content") -> Receipt:
    publish_bytes(folder / "part" / f"{task}.bin", content)
    files = stamp_files(folder, [f"part/{task}.bin"])
    return Receipt(task, rows=3, files=files, report={"counts": {"kept": 1}})


def test_a_receipt_comes_back_as_it_was(tmp_path: Path) -> None:
    written = receipt(tmp_path)
    write_receipt(tmp_path, written)

    assert read_receipts(tmp_path) == {"rows-00000": written}


def test_a_stamp_is_size_and_digest(tmp_path: Path) -> None:
    publish_bytes(tmp_path / "file", b"abc")
    assert stamp_files(tmp_path, ["file"]) == {
        "file": FileStamp(3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }


def test_the_same_work_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    for folder in (tmp_path / "here", tmp_path / "there"):
        write_receipt(folder, receipt(folder))
    here, there = (
        (tmp_path / name / "receipts" / "rows-00000.json").read_bytes() for name in ("here", "there")
    )
    assert here == there


def test_another_content_gives_another_digest(tmp_path: Path) -> None:
    assert receipt(tmp_path).digest != receipt(tmp_path, content=b"CONTENT").digest


def test_no_folder_means_no_receipts(tmp_path: Path) -> None:
    assert read_receipts(tmp_path) == {}


def test_files_that_are_gone_cut_short_or_changed(tmp_path: Path) -> None:
    kept, cut, gone, changed = (receipt(tmp_path, f"rows-0000{index}") for index in range(4))
    (tmp_path / "part" / "rows-00001.bin").write_bytes(b"conte")
    (tmp_path / "part" / "rows-00002.bin").unlink()
    (tmp_path / "part" / "rows-00003.bin").write_bytes(b"contend")

    assert [misfits(tmp_path, each) for each in (kept, cut, gone, changed)] == [
        [],
        ["part/rows-00001.bin"],
        ["part/rows-00002.bin"],
        [],
    ]
    assert [damaged_files(tmp_path, each) for each in (kept, cut, gone, changed)] == [
        [],
        ["part/rows-00001.bin"],
        ["part/rows-00002.bin"],
        ["part/rows-00003.bin"],
    ]


def damaged(path: Path, kind: str) -> None:
    text = path.read_text()
    match kind:
        case "truncated":
            path.write_text(text[: len(text) // 2])
        case "emptied":
            path.write_text("")
        case "edited":
            path.write_text(text.replace('"rows": 3', '"rows": 4'))
        case "another file's digest":
            path.write_text(text.replace("ed7002b4", "00000000"))
        case "not JSON":
            path.write_text("rows = 3")
        case "not text":
            path.write_bytes(b"\xff\xfe\x00rubbish")
        case "a list":
            path.write_text("[]")
        case "null":
            path.write_text("null")
        case "without digest":
            path.write_text(json.dumps({**json.loads(text), "digest": None}))
        case "infinite rows":
            path.write_text(text.replace('"rows": 3', '"rows": Infinity'))
        case "deep":
            path.write_text("[" * 100_000)
        case "renamed":
            path.rename(path.with_name("rows-00007.json"))


@pytest.mark.parametrize(
    "kind",
    [
        "truncated",
        "emptied",
        "edited",
        "another file's digest",
        "not JSON",
        "not text",
        "a list",
        "null",
        "without digest",
        "infinite rows",
        "deep",
        "renamed",
    ],
)
def test_a_damaged_receipt_is_named_with_the_remedy(tmp_path: Path, kind: str) -> None:
    write_receipt(tmp_path, receipt(tmp_path))
    before = (tmp_path / "receipts" / "rows-00000.json").read_bytes()
    damaged(tmp_path / "receipts" / "rows-00000.json", kind)
    assert [path.read_bytes() for path in (tmp_path / "receipts").iterdir()] != [before] or kind == "renamed"

    with pytest.raises(CorruptError, match=r"receipts/rows-0000\d\.json .*delete it, its task runs again"):
        read_receipts(tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANY_JSON)
def test_no_json_makes_the_reader_fail_otherwise(tmp_path: Path, value: object) -> None:
    publish_bytes(tmp_path / "receipts" / "rows-00000.json", json.dumps(value).encode())
    with pytest.raises(CorruptError, match="rows-00000"):
        read_receipts(tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from(["task", "rows", "files", "report", "digest", "stamp"]), value=ANY_JSON)
def test_no_value_of_a_field_makes_the_reader_fail_otherwise(
    tmp_path: Path, field: str, value: object
) -> None:
    written = receipt(tmp_path)
    changed = {**written.as_json(), "digest": written.digest}
    if field == "stamp":
        changed["files"] = {"part/rows-00000.bin": value}
    else:
        changed[field] = value
    publish_bytes(tmp_path / "receipts" / "rows-00000.json", json.dumps(changed).encode())
    try:
        found = read_receipts(tmp_path)
    except CorruptError:
        return
    assert found == {"rows-00000": written}
