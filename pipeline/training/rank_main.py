"""One of several training processes, started by the launcher: `-m tripletmine.pipeline.training.rank_main FOLDER`."""

import os
import sys
import time
from pathlib import Path

from ..workers.end_with_parent import end_with_parent
from .launcher_main import LAUNCHER

_LAUNCHER_SECONDS = 30


def main() -> None:
    """Train this process's share of an epoch."""
    end_with_parent(int(os.environ[LAUNCHER]))
    folder = Path(sys.argv[1])

    from ...models.compute import use_threads
    from ...models.train.process_group import joined
    from ...models.train.processes import PeerLostError
    from .checkpoints import TrainingProgress
    from .epoch import train_epoch
    from .handover import read_job, write_failure
    from .launch import FAILURE, JOB

    try:
        job = read_job(folder / JOB)
        use_threads(int(os.environ["OMP_NUM_THREADS"]))
        progress = TrainingProgress(folder)
        with joined(job.spec.embed.device) as processes:
            train_epoch(job, progress, processes, tick=lambda _images: None)
    except PeerLostError:
        # Not the cause. Wait until the launcher ends this process, as it reports the first process that fails.
        time.sleep(_LAUNCHER_SECONDS)
        raise
    except Exception as error:
        write_failure(folder / FAILURE, error)
        raise


if __name__ == "__main__":
    main()
