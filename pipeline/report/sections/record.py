"""The record of a page's origin: settings, versions, digests, and counts of everything left out."""

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...artifacts.record import read_run_file
from ...errors import CorruptError, PipelineError
from ...plan.refs import StageRef, manifest_of
from ...plan.stage import protocol_title
from ...redact import redacted
from ...runfile.run_spec import RunSpec
from ...standalone.mine_files import SETTINGS
from ...storage.regular import read_regular

if TYPE_CHECKING:
    from ...run.status import RunStatus

_LIBRARIES = ("tripletmine", "numpy", "numba", "hnswlib", "pyarrow", "zarr", "torch", "scikit-learn")

Table = tuple[str, Sequence[tuple[str, str]]]


def versions() -> Table:
    """Versions on this machine, which made the page."""
    found = [("Python", platform.python_version())]
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return "Versions that made this page", found


def run_tables(status: "RunStatus", epoch: int | None) -> list[Table]:
    """Tables of a run: sizes, what was left out, versions, digests. epoch: the epoch whose triplets are shown."""
    record = read_run_file(status.root)
    counted = {} if epoch is None else _report(status.root, StageRef(epoch, "mine")).get("counts", {})
    return [
        ("Data", list(_data(status))),
        ("Left out", [*_left_out_of_data(status, record), *_left_out_of_mining(counted)]),
        (versions()[0], [*versions()[1], ("run.json was written by", str(record.get("version", "?")))]),
        ("Digests", list(_digests(status, epoch))),
    ]


def _data(status: "RunStatus") -> Iterator[tuple[str, str]]:
    facts = status.facts
    yield "kind", f"{status.spec.data.kind}, items of {' × '.join(map(str, facts.item_shape))}"
    yield "rows for training", f"{facts.train:,} of {facts.classes:,} classes"
    yield "rows for validation", f"{facts.validation:,}"
    yield "rows for the test", f"{facts.test:,}"
    if sum(facts.several):
        train, validation, test = facts.several
        yield (
            "rows with several labels",
            f"{train:,} for training, {validation:,} validation, {test:,} test",
        )
    for asked in facts.protocols:
        yield asked.title, asked.described
    for remark in facts.remarks:
        yield "note", remark


def _left_out_of_data(status: "RunStatus", record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, count in record.get("pictures", {}).get("left_out", {}).items():
        yield f"files in the folder: {kind}", f"{count:,}"
    yield "classes with one row (negatives only)", f"{status.facts.singletons:,}"
    results: list[Mapping[str, Any]] = [
        {**epoch.protocols, "validation": epoch.validation} for epoch in status.epochs[-1:]
    ]
    results.append(status.test.report if status.test else {})
    for report in results:
        for protocol, figures in report.items():
            count = figures.get("queries_left_out") if isinstance(figures, Mapping) else None
            if count is not None:
                yield f"queries of {protocol_title(protocol)} without a match", f"{count:,}"


def _left_out_of_mining(counts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, count in counts.items():
        if name.startswith("anchors_") and isinstance(count, int):
            yield name.replace("_", " "), f"{count:,}"
    refused = {guard: count for guard, count in counts.get("refused", {}).items() if count}
    for guard, count in refused.items():
        yield f"negatives refused by the guard {guard.replace('_', ' ')}", f"{count:,}"
    if counts and not refused:
        yield "negatives refused by guards", "0"


def _digests(status: "RunStatus", epoch: int | None) -> Iterator[tuple[str, str]]:
    yield "data", status.facts.data_digest
    yield "encoder's own files", status.facts.encoder_digest
    for stage in ("embed", "graph", "mine", "train", "evaluate"):
        digest = None if epoch is None else _digest(status.root, StageRef(epoch, stage))
        if digest is not None:
            yield f"{stage} of epoch {epoch}", digest
    tested = _digest(status.root, StageRef(None, "test"))
    if tested is not None:
        yield "test", tested


def _digest(root: Path, ref: StageRef) -> str | None:
    try:
        manifest = manifest_of(root, ref)
    except PipelineError:
        return "its manifest is damaged"
    return None if manifest is None else manifest.digest


def _report(root: Path, ref: StageRef) -> Mapping[str, Any]:
    manifest = manifest_of(root, ref)
    return {} if manifest is None else manifest.report


def folder_about(folder: Path) -> dict[str, Any]:
    """The content of mining.json in a folder of triplets. Raises: CorruptError."""
    try:
        return json.loads(read_regular(folder / SETTINGS))
    except (OSError, ValueError) as error:
        raise CorruptError(f"{folder / SETTINGS} cannot be understood ({error}): mine again") from None


def folder_tables(about: Mapping[str, Any]) -> list[Table]:
    """Tables of a folder of triplets."""
    graph = about.get("graph", {})
    search = [
        (name, str(graph[name])) for name in ("method", "why", "recall", "recall_rows") if name in graph
    ]
    left_out = [
        (f"rows of the split {split}", f"{count:,}") for split, count in about.get("left_out", {}).items()
    ]
    remarks = [("note", remark) for remark in about.get("remarks", ())]
    return [
        ("Data", [("vectors", " × ".join(f"{side:,}" for side in about.get("shape", ())))]),
        ("Left out", [*left_out, *_left_out_of_mining(about["counts"]), *remarks]),
        ("Search", search),
        versions(),
    ]


def pair_tables(about: Mapping[str, Any]) -> list[Table]:
    """Tables of a folder of triplets of queries and a corpus."""
    sides = [
        (side, " × ".join(f"{each:,}" for each in about.get(side, ()))) for side in ("queries", "corpus")
    ]
    left_out = [(f"pairs {why}", f"{count:,}") for why, count in about.get("left_out", {}).items()]
    _, (_, of_mining), *others = folder_tables({**about, "left_out": {}})
    return [("Data", sides), ("Left out", [*left_out, *of_mining]), *others]


def as_toml(spec: RunSpec) -> str:
    """The resolved run file as TOML, with every key whose value is not None, and secrets redacted."""
    lines: list[str] = []
    for section, keys in spec.model_dump(mode="json").items():
        if isinstance(keys, Mapping):
            lines += ["", *_section(section, keys)]
    return redacted("\n".join(lines).strip())


def _section(name: str, keys: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{name}]"
    inner = []
    for key, value in keys.items():
        if isinstance(value, Mapping) and any(isinstance(each, Mapping) for each in value.values()):
            inner.append((f"{name}.{key}", value))
        elif value is not None:
            yield f"{key} = {_value(value)}"
    for key, value in inner:
        yield from ("", *_section(key, value))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items() if each is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value if each is not None)}]"
    return json.dumps(value, ensure_ascii=False)  # JSON and TOML write strings, numbers and booleans alike


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)
