"""All faults in full: runs every case that has no result yet, then prints one table.

    python -m tests.faults.campaign --out runs/faults

It may be stopped and started again: results are kept in OUT/results.jsonl. A case that lost something is tried again.
"""

import argparse
import json
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

from .cases import CannotBeTried, Case, References, Tally
from .kinds.all_cases import all_cases
from .table import Result, print_table, read_results


def run_case(case: Case, folder: Path, references: References) -> Result:
    """Run one case; its folder is kept only if something was lost."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    message = ""
    tally = Tally()
    try:
        tally = case.run(folder, references)
    except CannotBeTried as reason:
        shutil.rmtree(folder, ignore_errors=True)
        return Result(case.kind, case.name, 0, 0, 0, 0, 1, {}, 0.0, str(reason))
    except Exception:
        message = traceback.format_exc()
        tally.tried += 1
    lost = tally.tried - tally.survived
    if not lost:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = round(time.monotonic() - started, 1)
    return Result(
        case.kind,
        case.name,
        tally.tried,
        tally.survived,
        lost,
        tally.recomputed,
        0,
        dict(tally.where),
        seconds,
        message,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Every fault that a run must survive, many times.")
    parser.add_argument("--out", type=Path, required=True, help="folder for results and undisturbed runs")
    parser.add_argument("--only", help='only cases whose "kind: name" contains this text')
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no case after this long")
    arguments = parser.parse_args()
    # A shell makes background jobs ignore Ctrl-C, and the processes that we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    path = out / "results.jsonl"
    known = {(result.kind, result.name) for result in read_results(path) if not result.lost}
    references = References(out / "undisturbed")
    started = time.monotonic()
    left = [
        case
        for case in all_cases()
        if (case.kind, case.name) not in known and (arguments.only or "") in f"{case.kind}: {case.name}"
    ]
    while left and time.monotonic() - started < arguments.seconds:
        case = left.pop(0)
        result = run_case(case, out / "work", references)
        with path.open("a") as file:
            file.write(json.dumps(result._asdict()) + "\n")
        verdict = "skipped" if result.skipped else "LOST" if result.lost else "ok"
        print(f"{verdict:8}{case.kind}: {case.name} ({result.tried} in {result.seconds} s)", flush=True)
        if result.message:
            print(result.message, flush=True)
            if result.lost:
                shutil.move(out / "work", out / f"lost-{len(known)}-{int(time.time())}")
    print_table(read_results(path), left=len(left))
    if any(result.lost or result.recomputed for result in read_results(path)):
        sys.exit(1)


if __name__ == "__main__":
    main()
