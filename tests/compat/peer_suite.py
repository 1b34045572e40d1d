"""Runs sentence-transformers' own tests of `mine_hard_negatives` against our function.

    python -m tests.compat.peer_suite CHECKOUT [--theirs]

CHECKOUT: a clone of their repository; the tests are copied to a temporary folder, with fixtures of ours, since theirs
load models from a hub. --theirs runs them against their function. Further arguments go to pytest.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SUITE = Path("tests") / "util" / "test_hard_negatives.py"
CONFTEST = Path(__file__).with_name("peer_conftest.py")


def main(arguments: list[str]) -> int:
    if not arguments or not (Path(arguments[0]) / SUITE).is_file():
        print(
            f"no {SUITE} in {arguments[0] if arguments else 'nothing'}: give the folder of a clone of "
            "sentence-transformers, as in `make compat PEER_TESTS=../sentence-transformers`",
            file=sys.stderr,
        )
        return 2
    checkout, rest = Path(arguments[0]), arguments[1:]
    whose = "theirs" if "--theirs" in rest else "ours"
    with tempfile.TemporaryDirectory(prefix="tripletmine-compat-") as folder:
        shutil.copy(checkout / SUITE, folder)
        shutil.copy(CONFTEST, Path(folder) / "conftest.py")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-c",
            os.devnull,
            "--rootdir",
            folder,
            "-q",
            "-ra",
            "-p",
            "no:cacheprovider",
        ]
        command += [argument for argument in rest if argument != "--theirs"]
        # Unless CI is set otherwise, as in their continuous integration: the case with several processes is skipped.
        environment = {"CI": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"} | dict(os.environ)
        environment["PEER_FUNCTION"] = whose
        return subprocess.run([*command, folder], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
