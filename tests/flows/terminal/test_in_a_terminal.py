"""A run in a real pseudo-terminal, and one whose output goes into files."""

import fcntl
import os
import pty
import re
import struct
import termios
from pathlib import Path

from ... import forked
from ...waiting import PATIENCE_SECONDS
from ..conftest import write_run
from ..processes import TRIPLETMINE

EPOCH_LINES = [
    r"epoch 0 warm-up: loss [\d.]+, R@1 [\d.]+, MAP@R [\d.]+, [\d.]+ s",
    r"epoch 1: loss [\d.]+, k [\d.]+, [\d,]+ triplets, coverage [\d.]+%, R@1 [\d.]+, MAP@R [\d.]+, [\d.]+ s",
]


def into_files(folder: Path, command: str, *arguments: object) -> tuple[str, str]:
    """What a command writes to stdout and stderr where both are files."""
    stdout, stderr = (folder / f"{command}.{stream}" for stream in ("stdout", "stderr"))
    program = forked.start(
        str(TRIPLETMINE), command, *map(str, arguments), log=stdout, errors=stderr, environment=os.environ
    )
    assert program.wait(PATIENCE_SECONDS) == 0, stderr.read_text()
    return stdout.read_text(), stderr.read_text()


def in_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes to a terminal of 100 × 30."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    program = forked.start(
        str(TRIPLETMINE),
        *arguments,
        log=Path(os.ttyname(terminal)),
        environment={**inherited, "TERM": "xterm-256color", **environment},
    )
    os.close(terminal)
    written = b""
    try:
        while part := os.read(reader, 65536):
            written += part
    except OSError:  # Linux' way to say that the other side is closed
        pass
    finally:
        os.close(reader)
    assert program.wait(PATIENCE_SECONDS) == 0, written.decode()
    return written.decode()


def shown(written: str) -> str:
    """The text alone, without what moves the cursor or colours it."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)


def coloured(written: str) -> bool:
    return any(
        re.match(r"(3|4|9|10)\d", code)
        for codes in re.findall(r"\x1b\[([0-9;]*)m", written)
        for code in codes.split(";")
    )


def test_a_terminal_shows_a_table_above_one_bar(tmp_path: Path):
    written = in_terminal("run", str(write_run(tmp_path)), "--no-prefect")
    text = shown(written)
    assert re.search(r"epoch +loss +k +triplets +coverage +R@1 +MAP@R +time", text)
    assert re.search(r"0 warm-up +0\.\d{4} +– +– +– +[01]\.\d{4} +[01]\.\d{4} +[\d.]+ s", text)
    assert re.search(r"[a-z]+ of epoch \d .*━.* \d+/\d+ +rows", text)
    assert "train of epoch 1: done in" in text
    assert coloured(written)
    assert not re.search(EPOCH_LINES[0], text), "the table says it already"
    assert written.rstrip().endswith("-encoder"), "the results come last"
    assert "\x1b[?25h" in written, "the cursor is back"


def test_a_terminal_without_colours(tmp_path: Path):
    written = in_terminal("run", str(write_run(tmp_path)), "--no-prefect", NO_COLOR="1")
    assert re.search(r"[a-z]+ of epoch \d .*━.* \d+/\d+ +rows", shown(written))
    assert not coloured(written)


def test_a_file_gets_plain_lines(tmp_path: Path):
    run_file = write_run(tmp_path)
    stdout, stderr = into_files(tmp_path, "run", run_file, "--no-prefect")
    assert "\x1b" not in stderr + stdout
    lines = [line.partition(" ")[2] for line in stderr.splitlines()]
    assert [line for line in lines if line.startswith("epoch")] == [
        line for line in lines if any(re.fullmatch(pattern, line) for pattern in EPOCH_LINES)
    ]
    assert sum(line.startswith("epoch") for line in lines) == 2
    watched, _ = into_files(tmp_path, "status", run_file, "--watch")
    assert [line for line in watched.splitlines() if line.startswith("epoch 1:")]
    assert "finished, " in watched
