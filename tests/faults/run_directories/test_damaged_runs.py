"""Whatever happens to a file of a run, each command gives the right answer or one message that names what is wrong.

`make faults` tries many more examples (FAULTS_EXAMPLES).
"""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from tripletmine.flows.cli import app
from typer.testing import CliRunner

from ..cases import References
from ..state import differences
from .damages import damaged, damages, put

EXAMPLES = int(os.environ.get("FAULTS_EXAMPLES", "200"))
fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize="FAULTS_EXAMPLES" not in os.environ,  # `make faults` looks for new ones
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)

HANGS_SECONDS = 30

COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status", "RUN"),
    "inspect": ("inspect", "RUN", "--epoch", "1"),
    "compare": ("compare", "RUN", "RUN"),
    "verify": ("verify", "RUN"),
    "audit": ("audit", "RUN", "--epoch", "1", "--sample", "50", "--recall-sample", "50"),
    "suspects": ("suspects", "RUN", "--epoch", "1", "--out", "OUT"),
    "triplets": ("triplets", "RUN", "--epoch", "1", "--out", "OUT"),
    "export": ("export", "RUN", "--epoch", "1", "--out", "OUT"),
    "check": ("check", "RUN_FILE"),
}
"""Commands that only read. RUN, RUN_FILE and OUT stand for paths."""

MENDING: dict[str, tuple[str, ...]] = {
    "run": ("run", "RUN_FILE", "--no-prefect"),
    "repair": ("verify", "RUN_FILE", "--repair"),
}
"""Commands that write into a run."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory, references: References) -> Path:
    """The run file of a finished run, whose files are damaged and put back."""
    product = references.finished()
    folder = tmp_path_factory.mktemp("damaged")
    shutil.copy(product.run_file, folder)
    shutil.copytree(product.root, folder / "runs" / product.root.name)
    return folder / product.run_file.name


@pytest.fixture(scope="module")
def undamaged(copied: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Command → its answer when nothing is damaged."""
    answers = {name: ask(name, copied, tmp_path_factory.mktemp("right") / "out") for name in COMMANDS}
    assert [code for code, _, _ in answers.values()] == [0] * len(COMMANDS), answers
    return answers


def ask(name: str, run_file: Path, out: Path) -> tuple[int, str, dict[str, str]]:
    """Exit code, output without times, sizes and the path of `out`, and digests of the files written."""
    (root,) = (run_file.parent / "runs").iterdir()
    places = {"RUN": str(root), "RUN_FILE": str(run_file), "OUT": str(out)}
    words = (COMMANDS | MENDING)[name]
    result = CliRunner().invoke(app, [places.get(word, word) for word in words])
    changing = r"\d\d:\d\d:\d\d|\d+\.\d+ s\b|[\d.,]+ [KMGT]?i?B\b|\d+ bytes?\b"
    said = re.sub(changing, "…", result.output.replace(str(out), "OUT"))
    files = [out] if out.is_file() else sorted(path for path in out.rglob("*") if path.is_file())
    written = {str(path.relative_to(out)): sha256(path.read_bytes()).hexdigest() for path in files}
    return result.exit_code, said, written


def require_an_answer(said: str, about: str) -> None:
    """Fail where a command gave up without a remedy."""
    assert "please report" not in said, about
    assert "Traceback" not in said, about
    assert "--debug" not in said, f"no remedy: {about}"


@contextmanager
def without_hanging() -> Iterator[None]:
    """Raises: TimeoutError if the block takes too long, as when it opens a FIFO."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer within {HANGS_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANGS_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@fuzzed
@given(data=st.data())
def test_a_damaged_run_is_answered_rightly_or_refused(
    copied: Path,
    undamaged: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    (root,) = (copied.parent / "runs").iterdir()
    name = data.draw(st.sampled_from(list(COMMANDS)), "command")
    path, kind, content = data.draw(damages(root), "damage")
    out = tmp_path_factory.mktemp("answer") / "out"
    try:
        with damaged(root / path, kind, content), without_hanging():
            answer = ask(name, copied, out)
    finally:
        shutil.rmtree(out.parent)
    code, said, _ = answer
    event(f"{name}: exit code {code}")
    about = f"{name}, {path}: {kind}\n{said}"
    require_an_answer(said, about)
    assert code in (0, 1), about
    if code == 1:
        assert str(root) in said, about
    elif name == "verify" and (path.name, kind) == ("manifest.json", "removed"):
        assert "as their receipts say" in said, about  # without it the stage counts as unfinished
    elif name == "export" and (path.name, kind) == ("manifest.json", "removed"):
        # For the same reason the model card says nothing of that stage.
        weights = "encoder.safetensors"
        assert answer[2][weights] == undamaged[name][2][weights], about
    elif name not in ("status", "compare"):  # these show what is damaged, and what they can of the rest
        assert answer == undamaged[name], about


@settings(fuzzed, max_examples=EXAMPLES // 5)
@given(data=st.data())
def test_a_damaged_run_is_mended_or_refused(copied: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Repaired, a run is byte for byte what it was; `run` says what it cannot use, and leaves the rest as it was."""
    (undamaged_root,) = (copied.parent / "runs").iterdir()
    name = data.draw(st.sampled_from(list(MENDING)), "command")
    path, kind, content = data.draw(damages(undamaged_root), "damage")
    assume(path.name != "journal.jsonl")  # a log, not a result
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(copied.parent, folder)
    root = folder / "runs" / undamaged_root.name
    (root / path).unlink()
    if kind != "removed":
        put(root / path, kind, content)
    with without_hanging():
        code, said, _ = ask(name, folder / copied.name, tmp_path / "out")
    event(f"{name}: exit code {code}")
    about = f"{name}, {path}: {kind}\n{said}"
    require_an_answer(said, about)
    if name == "repair":
        assert code == 0, about
        assert differences(root, undamaged_root) == [], about
    elif code == 0:
        assert set(differences(root, undamaged_root)) <= {str(path)}, about
    else:
        assert code == 1, about
        assert str(root) in said, about


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("epochs/0001/mine/manifest.json", "a link to itself"),
        ("epochs/0001/mine/manifest.json", "a link to nowhere"),
        ("epochs/0001/mine/confusion.parquet", "a link to itself"),
        ("epochs/0001/mine/confusion.parquet", "a folder"),
    ],
)
def test_what_lies_in_a_files_place_is_repaired(name: str, kind: str, copied: Path, tmp_path: Path) -> None:
    shutil.copytree(copied.parent, tmp_path, dirs_exist_ok=True)
    run_file = tmp_path / copied.name
    (root,) = (tmp_path / "runs").iterdir()
    before = (root / name).read_bytes()
    (root / name).unlink()
    put(root / name, kind)
    for command, code in (("verify", 1), ("verify --repair", 0), ("verify", 0)):
        result = CliRunner().invoke(app, [*command.split(), str(run_file)])
        assert result.exit_code == code, result.output
    assert (root / name).read_bytes() == before
    assert not (root / name).is_symlink()
