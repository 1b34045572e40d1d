"""run.json: the record of a run, with its resolved run file and the facts of its data."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CorruptError, PipelineError, SpecError
from ..plan.stage import RunFacts
from ..runfile.run_spec import RunSpec
from ..storage.manifest import SCHEMA
from ..storage.publish import discard
from ..storage.sealed import publish_sealed, read_sealed

if TYPE_CHECKING:
    from ..data.splits.assign import Splitting

RUN_FILE = "run.json"


def read_run_file(root: Path) -> dict[str, Any]:
    """Read run.json.

    Raises: SpecError if `root` is not a run directory, or one of another schema; CorruptError if the file is damaged.
    """
    path = root / RUN_FILE
    damaged = CorruptError(f"{path} is damaged: delete that one file, the next run writes it again")
    try:
        value = read_sealed(path)
    except (FileNotFoundError, NotADirectoryError):
        remedy = (
            f"`tripletmine mine` wrote it, and `tripletmine report {root}` shows what was mined"
            if (root / "mining.json").is_file()
            else "start the run first, or name another"
        )
        raise SpecError(f"{root} is not a run directory, it has no {RUN_FILE}: {remedy}") from None
    except ValueError:
        raise damaged from None
    if value.get("schema") != SCHEMA:
        raise SpecError(
            f"{root} was written with schema {value.get('schema')} (version {value.get('version')}), and this version "
            f"reads schema {SCHEMA}: use that version, or another run.directory"
        )
    if not {"spec", "facts", "identity", "rows_keys"} <= value.keys():
        raise damaged
    return value


def splitting_of(record: dict[str, Any]) -> "Splitting":
    """How the rows of a recorded run were split. Version 0.1 did not record it; its splits were "drawn"."""
    return record.get("splitting", "drawn")


def write_run_file(
    spec: RunSpec,
    facts: RunFacts,
    identity: dict[str, Any],
    splitting: "Splitting",
    pictures: dict[str, Any] | None,
) -> None:
    """Record the resolved spec, the facts, the identity of the data, and how the rows were split.

    An unchanged file is not rewritten.
    pictures: their background, and the files that were left out; None if the data set has no pictures.
    """
    value = {
        "schema": SCHEMA,
        "version": version("tripletmine"),
        "spec": spec.model_dump(mode="json"),
        "facts": facts.as_json(),
        "identity": identity,
        "rows_keys": rows_keys(spec),
        "splitting": splitting,
        **({} if pictures is None else {"pictures": pictures}),
    }
    path = spec.root / RUN_FILE
    if not path.exists() or read_sealed(path) != value:
        publish_sealed(path, value)


def remove_damaged_run_file(root: Path) -> None:
    """Delete run.json if it is damaged; it can be written again from the run file and the data."""
    path = root / RUN_FILE
    try:
        if path.exists():
            read_run_file(root)
    except CorruptError:
        discard(path)


def rows_keys(spec: RunSpec) -> dict[str, Any]:
    """The keys that determine which rows a run has, and in which split."""
    keys = spec.data.result_keys()
    for name in ("mean", "std", "augment"):
        del keys[name]
    return {**keys, "seed": spec.run.seed}


def open_record(root: Path) -> tuple[RunSpec, RunFacts]:
    """Spec and facts with which a run was last opened.

    Raises: SpecError if `root` is not a run directory; CorruptError or PipelineError if run.json is damaged.
    """
    value = read_run_file(root)
    try:
        return RunSpec.model_validate(value["spec"], strict=False), RunFacts.from_json(value["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise PipelineError(
            f"{root / 'run.json'} cannot be understood ({type(error).__name__}): the next run writes it anew"
        ) from None
