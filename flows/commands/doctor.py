"""`tripletmine doctor`: the facts about machine and installation that a bug report should contain."""

import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata

import typer

from ..terminal.errors import reporting
from ..terminal.plain import say
from .arguments import Debug

_FOR_DEVELOPMENT = {"all", "bench", "compat", "dev", "docs"}
_LOADED = {
    "hnswlib": "import hnswlib",
    "numba": "import numba; numba.njit(lambda x: x + 1)(1)",
    "torch": "import torch\nprint(*map(torch.cuda.get_device_name, range(torch.cuda.device_count())), sep=', ')",
}
"""Compiled packages, each with a program that uses it. The program of torch prints the GPUs that torch sees."""
_START = """
import sys, time
begun = time.perf_counter()
import tripletmine.flows.cli
print(f"{time.perf_counter() - begun:.2f} s,", "with torch" if "torch" in sys.modules else "without torch")
"""


def doctor(debug: Debug = False) -> None:
    """Show versions, hardware and what loads, for a bug report.

    Shows no file, user or host name. Exits with code 1 if a package does not load.
    """
    with reporting(debug):
        say(f"{'tripletmine':16} {metadata.version('tripletmine')}")
        for title, text in _machine():
            say(f"{title:16} {text}")
        for extra, packages in _required().items():
            say(f"{extra:16} {', '.join(f'{name} {_version(name)}' for name in packages)}")
        loaded = {name: _run(code) for name, code in _LOADED.items() if _version(name) != "-"}
        say(f"{'GPU':16} {_gpus(loaded)}")
        say(f"{'start-up':16} {_run(_START).stdout.strip() or 'does not start'}")
        problems = [
            f"{name} does not load: {_why(name, run)}" for name, run in loaded.items() if run.returncode
        ]
        say(f"{'loads':16} {', '.join(name for name, run in loaded.items() if not run.returncode)}")
        for problem in problems:
            say(problem)
    if problems:
        raise typer.Exit(1)


def _machine() -> Iterator[tuple[str, str]]:
    from ...mining.compute.machine import machine_memory_mib
    from ...mining.compute.threads import usable_cores, usable_threads

    yield "Python", f"{platform.python_version()} ({platform.python_implementation()})"
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield "cores", f"{usable_cores()} of {os.cpu_count()}, {usable_threads()} threads a stage"
    yield "memory", f"{machine_memory_mib():,} MiB"


def _required() -> Mapping[str, list[str]]:
    """The packages that each extra requires; those of the base install are under "base"."""
    found: dict[str, list[str]] = {}
    for requirement in metadata.requires("tripletmine") or ():
        name = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra == ['\"]([\w-]+)", requirement)
        of = extra[1] if extra else "base"
        if name and name[0] != "tripletmine" and of not in _FOR_DEVELOPMENT:
            found.setdefault(of, []).append(name[0])
    return found


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "-"


def _run(code: str) -> "subprocess.CompletedProcess[str]":
    """Run the code in another process: loading a package built for another processor kills the process."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def _gpus(loaded: "Mapping[str, subprocess.CompletedProcess[str]]") -> str:
    torch = loaded.get("torch")
    if torch is None:
        return "not asked: torch is not installed"
    return torch.stdout.strip() or "none that torch sees"


def _why(package: str, run: "subprocess.CompletedProcess[str]") -> str:
    if run.returncode == -signal.SIGILL:
        return (
            "illegal instruction, it was built for another processor: "
            f"`HNSWLIB_NO_NATIVE=1 pip install --force-reinstall --no-binary {package} {package}`"
        )
    return (run.stderr.strip().splitlines() or [f"it ends with {run.returncode}"])[-1]
