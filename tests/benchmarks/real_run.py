"""Embeddings of consecutive epochs of a real run: the example on Fashion-MNIST, for ten epochs, made once and kept.

    python -m tests.benchmarks.real_run [--folder runs/epochs]

About seven minutes on two idle cores; an interrupted run is continued. The learning rate falls on a cosine from the
first epoch to the last, so early epochs move the neighbours much more than late ones.
"""

import argparse
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tripletmine.pipeline.artifacts.embeddings import read_embeddings
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.storage.committed import Committed
from tripletmine.pipeline.storage.manifest import read_manifest

FOLDER = Path("runs/epochs")
_NAME = "fashion-mnist"
_CHANGES = {"epochs = 3": "epochs = 10", "embeddings = 1": 'embeddings = "all"'}


def embeddings_of(folder: Path, epoch: int) -> NDArray[np.float32]:
    """float32 (54000, 64), the unit rows searched in this epoch (1 to 9); makes the run if they are missing."""
    stage = StageRef(epoch, "embed").folder(folder / "runs" / _NAME)
    if read_manifest(stage) is None:
        make_run(folder)
    manifest = read_manifest(stage)
    if manifest is None:
        raise SystemExit(f"{stage} is not there after the run: epochs that mine are 1 to 9")
    return read_embeddings(Committed(stage, manifest), 0, manifest.report["rows"])


def make_run(folder: Path) -> None:
    """Run or continue the example to its end; if it has ended, nothing is done."""
    text = resources.files("tripletmine.flows").joinpath("examples", f"{_NAME}.toml").read_text("utf-8")
    for old, new in _CHANGES.items():
        if text.count(old) != 1:
            raise SystemExit(f"the example {_NAME}.toml has no {old!r} to change: adapt real_run.py")
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    run_file = folder / f"{_NAME}.toml"
    run_file.write_text(text, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("tripletmine")), "run", str(run_file), "--no-prefect"]
    subprocess.run(command, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    make_run(parser.parse_args().folder)
