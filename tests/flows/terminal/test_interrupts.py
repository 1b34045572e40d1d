"""Signals, in processes of their own: in the test's process other code handles them."""

import signal
import subprocess
import sys

import pytest

from ...waiting import PATIENCE_SECONDS

HEAD = """
import os, signal, sys, threading, time
from tripletmine.flows.terminal.errors import reporting
from tripletmine.flows.terminal.interrupts import interruptible
"""


def ended(body: str, *, number: signal.Signals | None = None) -> tuple[int, str]:
    """Run a script; send it a signal when it says that it is ready."""
    with subprocess.Popen(
        [sys.executable, "-c", HEAD + body], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if number is not None:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, said


WAITS = """
with reporting(False, ["run", "my run.toml"]):
    print("ready", flush=True)
    threading.Event().wait(600)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_with_the_one_that_continues(number: signal.Signals, code: int) -> None:
    # typer turns Exit into an exit code; here it is seen as it was raised.
    found = ended(
        WAITS.replace("with", "import typer\ntry:\n  with", 1).replace("\n    ", "\n      ")
        + "except typer.Exit as end:\n  sys.exit(end.exit_code)\n",
        number=number,
    )
    assert found == (
        code,
        "tripletmine: interrupted; `tripletmine run 'my run.toml'` continues where it stopped\n",
    )


STUCK = """
with interruptible(grace_seconds={grace}):
    while True:
        try:
            print("ready", flush=True)  # inside the try, as the signal may come at once
            time.sleep(600)
        except KeyboardInterrupt:
            {then}
"""


def test_a_command_that_does_not_end_in_time_is_ended() -> None:
    code, said = ended(STUCK.format(grace=0.05, then="pass"), number=signal.SIGTERM)
    assert (code, said) == (143, "\ntripletmine: ended at once; nothing that was committed is lost\n")


def test_a_second_signal_ends_it_at_once() -> None:
    code, said = ended(
        STUCK.format(grace=600, then="threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()"),
        number=signal.SIGINT,
    )
    assert (code, said) == (130, "\ntripletmine: ended at once; nothing that was committed is lost\n")


def test_after_the_block_signals_are_what_they_were() -> None:
    code, said = ended("""
before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
with interruptible():
    assert signal.getsignal(signal.SIGTERM) != before[0]
assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
assert threading.active_count() == 1
""")
    assert (code, said) == (0, "")


def test_another_thread_is_left_alone() -> None:
    code, said = ended("""
def block():
    with interruptible():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
thread = threading.Thread(target=block)
thread.start()
thread.join()
""")
    assert (code, said) == (0, "")


LEFT_BEHIND = """
import gc
gc.disable()  # so that it is found only when the process ends
class Work: pass
async def create_array(): pass
with reporting(False):
    work = Work()
    work.itself, work.midway = work, create_array()
    raise KeyboardInterrupt
"""


def test_nothing_is_said_after_the_message() -> None:
    body = "import typer\ntry:\n  def main():\n" + "".join(
        f"    {line}\n" for line in LEFT_BEHIND.split("\n")
    )
    found = ended(body + "  main()\nexcept typer.Exit as end:\n  sys.exit(end.exit_code)\n")
    assert found == (130, "tripletmine: interrupted\n")
