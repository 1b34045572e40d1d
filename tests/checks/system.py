"""Stops with the name of what this machine lacks for `make system`, before any test of it begins.

python tests/checks/system.py
"""

import os
import shutil
import sys

PACKAGES = {
    "ip": "iproute2",
    "mount": "mount",
    "munged": "munge",
    "openssl": "openssl",
    "sbatch": "slurm-client",
    "setpriv": "util-linux",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "unshare": "util-linux",
}
"""Commands that the tests marked with `system` call, with the Debian package of each."""


def missing() -> list[str]:
    """What has to change on this machine, a sentence each."""
    found = []
    if os.geteuid() != 0:
        found.append("it is not run by root: start it with `sudo`, or in a container")
    lacking = [command for command in PACKAGES if shutil.which(command) is None]
    if lacking:
        packages = " ".join(sorted({PACKAGES[command] for command in lacking}))
        found.append(
            f"commands are missing ({', '.join(lacking)}): install them with `apt-get install {packages}`"
        )
    return found


if __name__ == "__main__":
    if found := missing():
        sys.exit("\n".join(f"make system cannot begin: {sentence}" for sentence in found))
