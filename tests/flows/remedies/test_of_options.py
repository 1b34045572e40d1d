"""The remedies in messages about options and paths work, for commands that need no run, or only read one."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tripletmine.flows.cli import app
from tripletmine.flows.commands.arguments import named_columns
from tripletmine.flows.opened_run import with_executor
from tripletmine.flows.prefect_server import server
from tripletmine.flows.prefect_server.server import prefect_api, require_room
from tripletmine.flows.review_server import ReviewFile
from tripletmine.flows.serve import parse_every, require_cron
from tripletmine.flows.served import require_served, served_settings
from tripletmine.pipeline.errors import PipelineError
from tripletmine.pipeline.runfile.load import load_spec
from typer.testing import CliRunner

from ...pipeline.run.test_directory import ordinary_user
from ...remedies import Refusal
from ..processes import Holder
from .case import RUN, Place, copied


class Refused(Exception):
    """The output of a command that ended with exit code 1."""


def command(*words: object) -> Callable[[], str]:
    """A call that returns the command's output, and raises it if the command fails."""

    def call() -> str:
        result = CliRunner().invoke(app, list(map(str, words)))
        said = " ".join(result.output.split())
        assert "please report" not in said
        if result.exit_code == 1:
            raise Refused(said)
        assert result.exit_code == 0, said
        return said

    return call


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[Path]:
    """Files of vectors, labels and relevance, in a folder that is the working directory."""
    values = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", values / np.linalg.norm(values, axis=1, keepdims=True))
    np.save(tmp_path / "labels.npy", np.arange(60) % 3)
    pairs = "\n".join(f"{row},{(row + shift) % 60}" for row in range(60) for shift in (1, 2))
    (tmp_path / "relevant.csv").write_text(f"query,document\n{pairs}\n")
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


ONE_SET = ("--embeddings", "vectors.npy", "--labels", "labels.npy")
TWO_SETS = (
    "--queries",
    "vectors.npy",
    "--corpus",
    "vectors.npy",
    "--relevant",
    "relevant.csv",
    "--same-items",
)
MINED = {
    "nothing": (
        (),
        "--embeddings is missing: give --embeddings, or --queries with --corpus and --relevant",
        (ONE_SET, TWO_SETS),
    ),
    "queries alone": (
        TWO_SETS[:4],
        "--queries is given without --relevant: give --queries, --corpus and --relevant together",
        (TWO_SETS,),
    ),
    "labels of queries": (
        (*TWO_SETS, *ONE_SET[2:]),
        "--labels is given beside --queries: leave it out, or mine one set of vectors with labels",
        (TWO_SETS, ONE_SET),
    ),
    "positives of queries": (
        (*TWO_SETS, "--positives", "neighbours"),
        "but all relevant documents of a query are its positives: leave it out",
        (TWO_SETS,),
    ),
}


@pytest.mark.usefixtures("vectors")
@pytest.mark.parametrize("name", MINED)
def test_options_of_mine_that_do_not_go_together(name: str) -> None:
    given, says, mended = MINED[name]
    calls = [command("mine", *words, "--out", f"out{at}") for at, words in enumerate(mended)]
    Refusal(command("mine", *given, "--out", "out"), says, *calls).require(Refused)


def test_triplets_of_queries_are_looked_at_on_a_page_and_not_decided_about(vectors: Path) -> None:
    command("mine", *TWO_SETS, "--out", "mined")()
    Refusal(
        command("review", "mined"),
        "for which there is no page to decide in: look at the page that `tripletmine report` writes",
        command("report", "mined"),
    ).require(Refused)


def test_examples_and_where_they_go(vectors: Path) -> None:
    Refusal(
        command("init", "digit"),
        "there is no example 'digit': choose one of arrays, digits, fashion-mnist, image-folder, letters, table",
        *(
            command("init", name)
            for name in ("arrays", "digits", "fashion-mnist", "image-folder", "letters", "table")
        ),
    ).require(Refused)
    (vectors / "file").touch()
    Refusal(
        command("init", "digits", "--out", "file/run.toml"),
        "a file lies where a folder should be: move it away, or correct the path",
        command("init", "digits", "--out", "other.toml"),
        lambda: ((vectors / "file").unlink(), (vectors / "file").mkdir()),
        command("init", "digits", "--out", "file/run.toml"),
    ).require(Refused)
    Refusal(
        command("init", "digits", "--out", "missing/run.toml"),
        "No such file or directory: correct the path, make the folder, or mount its disk",
        command("init", "digits", "--out", "third.toml"),
        (vectors / "missing").mkdir,
        command("init", "digits", "--out", "missing/run.toml"),
    ).require(Refused)


def test_columns_that_are_named_wrongly() -> None:
    for given, says, mended in (
        (["label"], "must have the form OURS=THEIRS, as label=category: correct it", ["label=category"]),
        (["label=a", "label=b"], "columns names label twice, 'a' and 'b': leave one", ["label=b"]),
    ):
        Refusal(partial(named_columns, given), says, partial(named_columns, mended)).require(PipelineError)


def test_a_folder_that_this_user_may_not_write_to(tmp_path: Path) -> None:
    closed, another = tmp_path / "closed", tmp_path / "another"
    closed.mkdir()
    another.mkdir()
    for folder, mode in ((each, 0o755) for each in (*reversed(tmp_path.parents[:3]), tmp_path)):
        folder.chmod(mode)
    closed.chmod(0o555)
    another.chmod(0o777)
    init = command("init", "digits", "--out", closed / "run.toml")
    with ordinary_user():
        with pytest.raises(
            Refused, match="Permission denied: give this user the permission, or choose another"
        ):
            init()
        command("init", "digits", "--out", another / "run.toml")()
    closed.chmod(0o777)
    with ordinary_user():
        init()


def test_a_schedule(run_file: Path) -> None:
    """Once a schedule is given, the run file is looked at."""
    run_file.unlink()
    for words in ((), ("--cron", "0 3 * * *", "--every", "1h")):
        with pytest.raises(Refused, match="serve needs either --cron or --every: for example --every 1h"):
            command("serve", run_file, *words)()
    with pytest.raises(Refused, match="does not exist"):
        command("serve", run_file, "--every", "1h")()
    for text, says in (("1", "a number with a unit"), ("0s", "must be longer than zero")):
        with pytest.raises(PipelineError, match=f"{says}.*: write for example 1h"):
            parse_every(text)
    assert parse_every("1h") == timedelta(hours=1)
    with pytest.raises(PipelineError, match='write for example "0 3 ') as caught:
        require_cron("at three")
    require_cron(re.findall('"([^"]*)"', str(caught.value))[-1])


def test_a_served_process_is_asked_for_what_it_does_not_serve(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.toml", str(tmp_path / "theirs.toml")
    Refusal(
        lambda: require_served(theirs, new_data=True, environment=served_settings(ours, new_data=True)),
        "serve that one itself (`tripletmine serve`)",
        lambda: require_served(
            theirs, new_data=True, environment=served_settings(Path(theirs), new_data=True)
        ),
    ).require(PipelineError)


@pytest.mark.parametrize(
    ("executor", "says", "mended"),
    [
        ("10.0.0.1:8786", "write for example tcp://127.0.0.1:8786", "tcp://10.0.0.1:8786"),
        ("tcp://me:secret@10.0.0.1:8786", "give the scheduler's address without them", "tcp://10.0.0.1:8786"),
    ],
)
def test_an_executor(executor: str, says: str, mended: str, run_file: Path) -> None:
    spec = load_spec(run_file)
    Refusal(lambda: with_executor(spec, executor), says, lambda: with_executor(spec, mended)).require(
        PipelineError
    )


def test_a_comparison_needs_another_run(finished: Path) -> None:
    root = finished.parent / "runs" / "tiny"
    Refusal(
        command("compare", root),
        "a comparison needs two runs: name another one",
        command("compare", root, root),
    ).require(Refused)


def test_a_page_is_not_written_over_a_folder_nor_a_table_over_a_file(finished: Path, tmp_path: Path) -> None:
    root, table = finished.parent / "runs" / "tiny", tmp_path / "rows.parquet"
    page = Refusal(
        command("report", root, "--out", tmp_path),
        f"is a folder: name a file in it, as {tmp_path / 'report.html'}",
        command("report", root, "--out", tmp_path / "report.html"),
    )
    page.require(Refused)
    table.touch()
    Refusal(
        command("report", root, "--out", table),
        "exists already: choose another name, or remove it",
        command("report", root, "--out", tmp_path / "other.parquet"),
        table.unlink,
        command("report", root, "--out", table),
    ).require(Refused)


def hide(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a module look uninstalled to all that import it from now on."""
    for name in [name for name in sys.modules if name.startswith("tripletmine.pipeline.report.html")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)


def test_a_page_without_what_it_needs(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pip would install is there all along, but hidden at first."""
    report = command("report", finished.parent / "runs" / "tiny", "--out", tmp_path / "report.html")
    with monkeypatch.context() as bare:
        hide("jinja2", bare)
        with pytest.raises(Refused, match=r"a page needs Jinja2 .*: pip install 'tripletmine\[report\]'"):
            report()
    report()


def test_a_map_without_what_it_needs(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("report", finished.parent / "runs" / "tiny", "--out", tmp_path / "report.html")
    says = "--map tsne needs scikit-learn"
    with monkeypatch.context() as bare:
        hide("sklearn.manifold", bare)
        assert says in command(*words, "--map", "tsne")()
        assert says not in command(*words)()
    assert says not in command(*words, "--map", "tsne")()


def test_a_disk_that_is_too_small_for_a_run(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copied(finished, tmp_path)
    place.change("epochs = 2", 'epochs = 40\nkeep = { embeddings = "all", graph = "all" }')
    small, large = place.root, tmp_path / "large"
    large.mkdir()
    room = {small: 0, large: 10**12}

    def usage(path: Path) -> SimpleNamespace:
        return SimpleNamespace(free=next(room[each] for each in (path, *path.parents) if each in room))

    monkeypatch.setattr(shutil, "disk_usage", usage)
    check = ("check", "RUN_FILE")
    _, said = place.ask(*check)
    (needed,) = re.findall(r"the run needs ([\d.]+) MiB", said)
    assert said.endswith("free some, lower run.keep, or choose another run.directory")
    room[small] = int((float(needed) - 1) * 2**20)
    assert place.ask(*check)[0] == 1
    for old, new in (
        ('embeddings = "all", graph = "all"', "embeddings = 1, graph = 1"),
        ('name = "tiny"', f'name = "tiny"\ndirectory = "{large}"'),
    ):
        place.change(old, new)
        code, said = place.ask(*check)
        assert code == 0, said
        place.change(new, old)
    room[small] = 10**12
    assert place.ask(*check)[0] == 0


def test_a_review_that_another_program_changed_is_begun_again(tmp_path: Path) -> None:
    path, decision = tmp_path / "review.csv", b"decision,key,other_key,label\nkeep,a,,\n"
    file = ReviewFile(path)
    path.write_bytes(b"decision,key,other_key,label\nexclude,b,,\n")
    Refusal(
        lambda: file.save(decision),
        "start `tripletmine review` again, and decide there",
        lambda: ReviewFile(path).save(decision),
    ).require(PipelineError)
    assert path.read_text().count("\n") == 3


def test_a_private_server_that_cannot_start(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    place = copied(finished, tmp_path)
    shutil.rmtree(place.root / "test")
    with monkeypatch.context() as small:
        small.setattr(server, "ROOM", 2**60)
        code, said = place.ask(*RUN[:2])
        assert code == 1
        assert "MiB free: free some, or run the stages without one with --no-prefect" in said
    require_room(place.root)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        code, said = place.ask(*RUN[:2])
        assert code == 1
        assert "while starting: run the stages without one with --no-prefect" in said
    with monkeypatch.context() as bare:
        bare.setitem(sys.modules, "prefect", None)
        code, said = place.ask(*RUN)
    assert code == 0, said


def test_a_server_of_the_users_own_that_does_not_answer_or_refuses(
    finished: Path, tmp_path: Path, prefect_server: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fixture shows that without PREFECT_API_URL a private one is used."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    place: Place = copied(finished, tmp_path)
    shutil.rmtree(place.root / "test")
    code, said = place.ask(*RUN[:2])
    assert code == 1
    assert "start it (`prefect server start`), correct the address, or unset PREFECT_API_URL" in said
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)
    with prefect_api(tmp_path) as url:
        assert url == prefect_server.url
    code, said = place.ask(*RUN[:2])
    assert code == 1
    assert "set PREFECT_API_AUTH_STRING" in said
    assert "or use --no-prefect" in said
    shutil.copytree(place.root, tmp_path / "kept")
    code, said = place.ask(*RUN)
    assert code == 0, said
    shutil.rmtree(place.root / "test")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", prefect_server.key)
    code, said = place.ask(*RUN[:2])
    assert code == 0, said
