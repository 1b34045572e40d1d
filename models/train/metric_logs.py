"""Metrics of training as they come, for TensorBoard or MLflow; neither is needed for anything else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ModelError

Log = Callable[[Mapping[str, Any], int], None]
"""(metrics of a step, number of the step)."""

_RUN_ID = "mlflow-run.txt"


@contextmanager
def open_logs(names: Sequence[str], folder: Path, *, title: str, first_step: int) -> Iterator[Log]:
    """A function that passes a step's numbers on to the logs named: "tensorboard", "mlflow".

    folder: where event files go, and the id of the MLflow run, which all epochs of a run and all its resumes share;
    its server is where MLFLOW_TRACKING_URI says. title: of the run. first_step: steps from it on, logged before a
    crash, are replaced (by TensorBoard; MLflow shows both).
    Raises: ModelError for one that is not installed.
    """
    with ExitStack() as stack:
        logs: list[Log] = []
        for name in names:
            opened = (
                _tensorboard(folder / name, first_step) if name == "tensorboard" else _mlflow(folder, title)
            )
            logs.append(stack.enter_context(opened))

        def log(metrics: Mapping[str, Any], step: int) -> None:
            numbers = {f"train/{key}": float(value) for key, value in metrics.items() if value is not None}
            for each in logs:
                each(numbers, step)

        yield log


def require_logs(names: Sequence[str]) -> None:
    """Raises: ModelError for a log that is not installed."""
    for name in names:
        _tensorboard_writer() if name == "tensorboard" else _installed("mlflow", "mlflow")


def _tensorboard_writer() -> ModuleType:
    _installed("tensorboard", "tensorboard")
    return _installed("torch.utils.tensorboard", "tensorboard")


@contextmanager
def _tensorboard(folder: Path, first_step: int) -> Iterator[Log]:
    writer = _tensorboard_writer().SummaryWriter(folder, purge_step=first_step)
    try:

        def log(metrics: Mapping[str, Any], step: int) -> None:
            for name, value in metrics.items():
                writer.add_scalar(name, value, step)

        yield log
    finally:
        writer.close()


@contextmanager
def _mlflow(folder: Path, title: str) -> Iterator[Log]:
    mlflow = _installed("mlflow", "mlflow")
    known = folder / _RUN_ID
    started = {"run_id": known.read_text()} if known.exists() else {"run_name": title}
    with mlflow.start_run(**started) as run:
        folder.mkdir(parents=True, exist_ok=True)
        known.write_text(run.info.run_id)
        yield lambda metrics, step: mlflow.log_metrics(dict(metrics), step=step)


def _installed(module: str, extra: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise ModelError(
            f"log names \"{extra}\", which is not installed ({error}): pip install 'tripletmine[{extra}]', or "
            "take it out of log"
        ) from error
