"""Any text as a run file, any bytes as a file of a run: always an answer or one message, never a traceback.

`make faults` tries a hundred times as many examples (FAULTS_EXAMPLES).
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tripletmine.pipeline.errors import PipelineError
from tripletmine.pipeline.plan.refs import StageRef, manifest_of
from tripletmine.pipeline.run.inspection import inspect_epoch
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.run.verify import verify_run
from tripletmine.pipeline.runfile.load import load_spec
from tripletmine.pipeline.storage.lock import exclusive_lock
from tripletmine.pipeline.storage.receipts import Receipt, read_receipts, write_receipt

from .cases import References
from .inputs.damage import edited

fuzzed = settings(
    max_examples=int(os.environ.get("FAULTS_EXAMPLES", "60")),
    derandomize="FAULTS_EXAMPLES" not in os.environ,  # `make faults` looks for new ones
    deadline=5000,  # ms: a reader that takes longer hangs
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

EXAMPLES = sorted((Path(__file__).parents[2] / "flows" / "examples").glob("*.toml"))
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
VALUES = st.recursive(
    st.one_of(
        st.booleans().map(lambda value: str(value).lower()),
        st.integers().map(str),
        st.floats().map(repr),
        st.sampled_from(
            ["'x'", '"\\u0000"', "1979-05-27T07:32:00Z", "07:32:00", "0x_f", "1e999", "-0", "''"]
        ),
        TEXT.map(repr),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda values: f"[{', '.join(values)}]"),
    max_leaves=4,
)


@st.composite
def with_other_values(draw: st.DrawFn, text: str) -> str:
    """A run file in which some keys have values of any type."""
    lines = text.splitlines()
    keys = [number for number, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    for number in draw(st.lists(st.sampled_from(keys), min_size=1, max_size=4)):
        lines[number] = f"{lines[number].partition('=')[0]}= {draw(VALUES)}"
    return "\n".join(lines)


def answer_or_message(ask: Callable[[], object]) -> None:
    """Call `ask`, which may return or raise our own error; any other error fails the test."""
    with suppress(PipelineError):
        ask()


@fuzzed
@given(data=st.data())
def test_any_run_file(tmp_path: Path, data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(EXAMPLES))
    text = example.read_text()
    path = tmp_path / "run.toml"
    content = data.draw(
        st.one_of(edited(text.encode()), with_other_values(text).map(lambda t: t.encode(errors="replace")))
    )
    path.write_bytes(content)
    answer_or_message(lambda: load_spec(path).root)


@pytest.fixture(scope="module")
def run_copy(tmp_path_factory: pytest.TempPathFactory, references: References) -> Path:
    """A finished run, whose files are damaged and put back."""
    root = tmp_path_factory.mktemp("fuzzed") / "digits"
    shutil.copytree(references.finished().root, root)
    return root


FILES = (
    "run.json",
    "journal.jsonl",
    "epochs/0001/mine/manifest.json",
    "epochs/0001/evaluate/manifest.json",
    "epochs/0001/embed/embeddings.zarr/zarr.json",
)


@pytest.mark.full
@pytest.mark.parametrize("name", FILES)
@fuzzed
@given(data=st.data())
def test_any_bytes_in_a_file_of_a_run(name: str, run_copy: Path, data: st.DataObject) -> None:
    path = run_copy / name
    before = path.read_bytes()
    path.write_bytes(data.draw(st.one_of(edited(before), st.binary(max_size=100))))
    try:
        answer_or_message(lambda: read_status(run_copy))
        answer_or_message(lambda: manifest_of(run_copy, StageRef(1, "mine")))
        if name != "journal.jsonl":
            answer_or_message(lambda: inspect_epoch(run_copy, 1))
    finally:
        path.write_bytes(before)


@pytest.mark.full
def test_what_was_damaged_was_put_back(run_copy: Path) -> None:
    assert [stage.problems for stage in verify_run(run_copy) if stage.problems] == []


@fuzzed
@given(data=st.data())
def test_any_bytes_as_a_receipt(tmp_path: Path, data: st.DataObject) -> None:
    receipt = Receipt("rows-00000", 3, {}, {"counts": {"kept": 1}})
    write_receipt(tmp_path, receipt)
    path = tmp_path / "receipts" / "rows-00000.json"
    path.write_bytes(data.draw(st.one_of(edited(path.read_bytes()), st.binary(max_size=100))))
    answer_or_message(lambda: read_receipts(tmp_path))


@fuzzed
@given(content=st.binary(max_size=600))
def test_any_bytes_in_a_lock_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".lock"
    path.write_bytes(content)
    with suppress(PipelineError), exclusive_lock(path, lease_seconds=0):
        assert path.stat().st_size > 0
