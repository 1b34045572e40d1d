"""What a run directory holds, read as anybody could read it, without the product's code."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

NOT_COMPARED = {"journal.jsonl", "run.json", ".lock", ".prefect"}
"""Times, hosts, paths and process ids. All else must have the same bytes in two runs of the same spec."""


class Done(NamedTuple):
    """A task that has a receipt."""

    epoch: int | None
    stage: str
    task: str


def contents(root: Path) -> dict[str, str]:
    """Every file and folder of a run that is compared → the file's SHA-256."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if not NOT_COMPARED & set(name.parts):
            found[name.as_posix()] = sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


def differences(root: Path, undisturbed: Path) -> list[str]:
    """What is missing, left over (such as temporary files) or different in `root`."""
    ours, theirs = contents(root), contents(undisturbed)
    return sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))


def require_same(root: Path, undisturbed: Path) -> None:
    """Fail unless the end state is that of the undisturbed run, byte for byte."""
    wrong = differences(root, undisturbed)
    assert not wrong, f"{root} differs from the undisturbed run in {len(wrong)} files, as {wrong[:5]}"


def require_prefect_knows(root: Path) -> None:
    """Fail if the private server's database shows a run that has not ended."""
    with closing(sqlite3.connect(root / ".prefect" / "prefect.db")) as connection:
        found = connection.execute("SELECT name, state_type FROM flow_run").fetchall()
    assert found
    at_end = {"COMPLETED", "CRASHED", "CANCELLED", "FAILED"}
    assert {state for _, state in found} <= at_end, found


def stage_folders(root: Path) -> list[Path]:
    """Folders of the stages begun so far, in the order of epochs."""
    folders = [path for path in root.glob("epochs/*/*") if path.is_dir() and path.name[0] != "."]
    return sorted(folders) + [path for path in [root / "test"] if path.is_dir()]


def stage_of(folder: Path) -> tuple[int | None, str]:
    """Epoch and name of a stage folder."""
    return (None if folder.name == "test" else int(folder.parent.name)), folder.name


def done(root: Path) -> set[Done]:
    """The tasks that are committed, or have a receipt."""
    found = set()
    for folder in stage_folders(root):
        epoch, stage = stage_of(folder)
        if (folder / "manifest.json").exists():
            receipts = json.loads((folder / "manifest.json").read_bytes())["receipts"]
            found |= {Done(epoch, stage, receipt["task"]) for receipt in receipts}
        else:
            found |= {Done(epoch, stage, path.stem) for path in (folder / "receipts").glob("[!.]*.json")}
    return found


def events(root: Path) -> list[dict[str, Any]]:
    """The complete lines of the journal."""
    path = root / "journal.jsonl"
    return list(_events(path)) if path.exists() else []


def _events(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # cut short by a kill


def computed(lines: list[dict[str, Any]]) -> list[Done]:
    """The tasks that these lines of the journal report."""
    return [Done(line["epoch"], line["stage"], line["task"]) for line in lines if line.get("event") == "task"]


def at_work(root: Path) -> str:
    """Where the run is: the stage that was begun and not committed, else "set-up" or "between"."""
    if not (root / "run.json").exists():
        return "set-up"
    for folder in stage_folders(root):
        if (folder / "inputs.json").exists() and not (folder / "manifest.json").exists():
            return folder.name
    return "between"
