"""torch's elastic launcher, which here ends together with the process that started it.

`python -m tripletmine.pipeline.training.launcher_main PARENT …` is `python -m torch.distributed.run …`, which by itself
would go on after its parent is killed.
"""

import os
import runpy
import sys

from ..workers.end_with_parent import end_with_parent

LAUNCHER = "TRIPLETMINE_LAUNCHER"
"""Environment variable with the launcher's process id, for the processes that it starts."""


def main() -> None:
    """Launch; the first argument is the parent's process id."""
    end_with_parent(int(sys.argv.pop(1)))
    os.environ[LAUNCHER] = str(os.getpid())
    runpy.run_module("torch.distributed.run", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
