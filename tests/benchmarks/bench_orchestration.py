"""What Prefect costs: the same run recorded in Prefect and with --no-prefect, a finished run again, --help, and
`import tripletmine`.

    python -m tests.benchmarks.bench_orchestration [--rounds 3]

Whole processes are timed, in turn, as a user would see them. Prefect's cost is the difference between the first two,
including the start and end of its server, divided by the number of epochs. The first round compiles and does not count.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN_FILE = """
[run]
name = "orchestration"
epochs = {epochs}
[data]
kind = "digits"
[graph]
neighbours = 60
[train]
images_per_epoch = 800
"""
EPOCHS = 6


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    found: dict[str, list[float]] = {"recorded": [], "direct": [], "again": [], "help": [], "import": []}
    for round_ in range(-1, rounds):
        with tempfile.TemporaryDirectory() as folder:
            direct = _run(Path(folder), "--no-prefect")
        with tempfile.TemporaryDirectory() as folder:
            recorded, again = _run(Path(folder)), _run(Path(folder))
        if round_ >= 0:
            for name, seconds in (("recorded", recorded), ("direct", direct), ("again", again)):
                found[name].append(seconds)
            found["help"].append(_timed(["--help"]))
            found["import"].append(_import_seconds())
    each = statistics.median(a - b for a, b in zip(found["recorded"], found["direct"], strict=True)) / EPOCHS
    of = {name: statistics.median(seconds) for name, seconds in found.items()}
    print("| what | seconds | wanted |", "| --- | ---: | --- |", sep="\n")
    print(f"| a run of {EPOCHS} epochs, --no-prefect | {of['direct']:.2f} | |")
    print(f"| the same, recorded in Prefect | {of['recorded']:.2f} | |")
    print(f"| Prefect, each epoch | {each:.2f} | at most 3 |")
    print(f"| a finished run again | {of['again']:.2f} | at most 8 |")
    print(f"| tripletmine --help | {of['help']:.2f} | at most 0.7 |")
    print(f"| import tripletmine | {of['import']:.3f} | at most 0.3 |")


def _run(folder: Path, *options: str) -> float:
    run_file = folder / "run.toml"
    run_file.write_text(RUN_FILE.format(epochs=EPOCHS))
    return _timed(["run", str(run_file), *options])


def _import_seconds() -> float:
    """Seconds of the import alone, without the start of its interpreter."""
    program = "import time; s = time.perf_counter(); import tripletmine; print(time.perf_counter() - s)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _timed(arguments: list[str]) -> float:
    command = Path(sys.executable).with_name("tripletmine")
    started = time.perf_counter()
    subprocess.run([command, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
