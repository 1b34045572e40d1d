"""One of several training processes, as the launcher starts it: `-m tripletmine.pipeline.training_rank FOLDER`."""

import os
import sys
import time
from pathlib import Path

from .end_with_parent import end_with_parent
from .training_launcher import LAUNCHER

_LAUNCHER_SECONDS = 30


def main() -> None:
    end_with_parent(int(os.environ[LAUNCHER]))
    folder = Path(sys.argv[1])

    from ..models.compute import use_threads
    from ..models.process_group import joined
    from ..models.processes import PeerLostError
    from .epoch_training import train_epoch
    from .failure_files import write_failure
    from .job_files import read_job
    from .training_progress import TrainingProgress
    from .training_ranks import FAILURE, JOB

    try:
        job = read_job(folder / JOB)
        use_threads(int(os.environ["OMP_NUM_THREADS"]))
        progress = TrainingProgress(folder)
        with joined(job.spec.embed.device) as processes:
            train_epoch(job, progress, processes, tick=lambda _images: None)
    except PeerLostError:
        # Not the cause: the launcher, which looks for the first process that fails, is about to end this one.
        time.sleep(_LAUNCHER_SECONDS)
        raise
    except Exception as error:
        write_failure(folder / FAILURE, error)
        raise


if __name__ == "__main__":
    main()
