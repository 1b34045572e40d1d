"""Pass a job to another process as a JSON file, and its error back."""

import json
from pathlib import Path

from ...models.errors import ModelError
from .. import errors
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts
from ..runfile.run_spec import RunSpec
from ..storage.publish import publish_json


def write_job(path: Path, job: Job) -> None:
    """Write the job, which consists of names, numbers and digests."""
    parents = [[ref.epoch, ref.stage, digest] for ref, digest in job.parent_digests.items()]
    value = {
        "root": str(job.root),
        "spec": job.spec.model_dump_json(),
        "facts": job.facts.as_json(),
        "ref": [job.ref.epoch, job.ref.stage],
        "parents": parents,
    }
    publish_json(path, value)


def read_job(path: Path) -> Job:
    """Read a job written by `write_job`."""
    value = json.loads(path.read_bytes())
    return Job(
        root=Path(value["root"]),
        spec=RunSpec.model_validate_json(value["spec"]),
        facts=RunFacts.from_json(value["facts"]),
        ref=StageRef(*value["ref"]),
        parent_digests={StageRef(epoch, stage): digest for epoch, stage, digest in value["parents"]},
    )


_KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        ModelError,
        errors.SpecError,
        errors.DataError,
        errors.StaleError,
        errors.CorruptError,
        errors.UnavailableError,
    )
}


def write_failure(path: Path, error: Exception) -> None:
    """Write the error, unless another process has written one before: later errors follow from the first."""
    try:
        with path.open("x") as file:
            json.dump({"kind": type(error).__name__, "message": str(error)}, file)
    except FileExistsError:
        return


def read_failure(path: Path) -> Exception | None:
    """The written error, or None. Errors of types that are not ours become a TaskError."""
    try:
        said = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if said["kind"] in _KINDS:
        return _KINDS[said["kind"]](said["message"])
    return errors.TaskError(f"a training process failed: {said['kind']}: {said['message']}")
