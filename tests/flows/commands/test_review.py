"""`tripletmine review` as a person starts it: the page, decisions that save themselves, Ctrl-C."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tripletmine.flows.cli import app
from tripletmine.flows.review_server import SAVE
from tripletmine.pipeline.data.review.csv_file import read_review
from tripletmine.pipeline.data.review.decisions import Review, pair_of
from typer.testing import CliRunner

from ...waiting import PATIENCE_SECONDS
from ..conftest import write_run


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    path = write_run(tmp_path)
    result = CliRunner().invoke(app, ["run", str(path), "--no-prefect"])
    assert result.exit_code == 0, result.output
    return path


def test_decisions_made_in_the_browser_are_in_the_file_when_it_ends(run_file: Path, tmp_path: Path) -> None:
    rows = pq.read_table(tmp_path / "runs" / "tiny" / "rows.parquet").slice(0, 138)["key"].to_pylist()
    gone, one, other = rows[3], rows[0], rows[-1]
    with subprocess.Popen(
        [sys.executable, "-m", "tripletmine", "review", str(run_file)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as served:
        assert served.stdout is not None
        url = next(line for line in served.stdout if line.startswith("http")).strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{43}/", url)
        page = urllib.request.urlopen(url, timeout=PATIENCE_SECONDS).read().decode()
        assert f'data-save="{SAVE}"' in page
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(url.rpartition("/")[0][:-43], timeout=PATIENCE_SECONDS)
        decided = f"decision,key,other_key,label\nexclude,{gone},,\nnever_negative,{one},{other},\n"
        asked = urllib.request.Request(url + SAVE, decided.encode(), {"Content-Type": "text/csv"})
        assert urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS).status == 204
        served.send_signal(signal.SIGINT)
        rest = served.stdout.read()
    assert served.returncode == 0
    assert "2 decisions in review.csv, 2 of them new" in rest
    assert 'data.review = "review.csv"' in rest
    found = read_review(tmp_path / "review.csv")
    assert found == Review(excluded=frozenset({gone}), never_negatives=frozenset({pair_of(one, other)}))

    # The remedy in the message: the run goes on from mining with the decisions.
    run_file.write_text(
        run_file.read_text().replace("[encoder]", f'review = "{tmp_path / "review.csv"}"\n[encoder]')
    )
    again = CliRunner().invoke(app, ["run", str(run_file), "--no-prefect"])
    assert again.exit_code == 1
    assert "1 excluded, 1 pairs never negatives" in again.output
    remedy = re.search(r"--from-stage mine --epoch \d+", again.output)
    assert remedy is not None
    done = CliRunner().invoke(app, ["run", str(run_file), "--no-prefect", *remedy.group().split()])
    assert done.exit_code == 0, done.output
    status = CliRunner().invoke(app, ["status", str(run_file)])
    assert "1 excluded, 1 pairs never negatives" in status.output
    checked = " ".join(CliRunner().invoke(app, ["check", str(run_file)]).output.split())
    assert "1 excluded, 1 pairs never negatives" in checked
