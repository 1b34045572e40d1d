"""Says what this machine lacks for `make system`, before any of its tests begins.

python tests/checks/system.py
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.glyphs import FONTS, SIXTEEN

PACKAGES = {
    "chromium": "chromium",
    "ip": "iproute2",
    "mount": "mount",
    "munged": "munge",
    "npm": "npm",
    "openssl": "openssl",
    "sbatch": "slurm-client",
    "setpriv": "util-linux",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "unshare": "util-linux",
}
"""Commands that the tests marked with `system` call, with the Debian package of each."""


FILES = {"/usr/share/wordnet/data.noun": "wordnet-base"} | {
    str(FONTS / name): package for package, name in SIXTEEN.items()
}
"""Files that these tests read, with the Debian package of each."""


def missing() -> list[str]:
    """What has to change on this machine, one sentence each."""
    found = []
    if os.geteuid() != 0:
        found.append("it is not run by root: start it with `sudo`, or in a container")
    lacking = [command for command in PACKAGES if shutil.which(command) is None]
    if lacking:
        packages = " ".join(sorted({PACKAGES[command] for command in lacking}))
        found.append(
            f"commands are missing ({', '.join(lacking)}): install them with `apt-get install {packages}`"
        )
    unread = [file for file in FILES if not Path(file).exists()]
    if unread:
        packages = " ".join(sorted({FILES[file] for file in unread}))
        found.append(
            f"{len(unread)} files are missing (as {unread[0]}): install them with `apt-get install {packages}`"
        )
    return found


if __name__ == "__main__":
    if found := missing():
        sys.exit("\n".join(f"make system cannot begin: {sentence}" for sentence in found))
