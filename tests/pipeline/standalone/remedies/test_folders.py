"""The remedies in messages about folders of mined triplets, and what is made of them, work."""

import shutil
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from remedies import Call, Refusal
from tripletmine.mining.errors import InputError
from tripletmine.pipeline.errors import PipelineError, UnavailableError
from tripletmine.pipeline.standalone.audit import audit_folder, list_suspects
from tripletmine.pipeline.standalone.training_sets.forms import FORMS, Form
from tripletmine.pipeline.standalone.triplet_export import export_triplets

ROWS = 60
VECTORS = np.random.default_rng(0).normal(size=(ROWS, 8)).astype(np.float32)
LABELS = [f"tree {row % 4}" for row in range(ROWS)]


def mine(rows: int = ROWS, out: str = "out", **rule: Any) -> None:
    """Mine classes, with the keys r0 onwards."""
    shutil.rmtree(out, ignore_errors=True)
    columns = {
        "key": [f"r{row}" for row in range(rows)],
        "label": LABELS[:rows],
        "embedding": list(VECTORS[:rows]),
    }
    pq.write_table(pa.table(columns), "rows.parquet")
    Path("never.csv").write_text("row,other\n0,1\n")
    tm.mine_files(
        "rows.parquet",
        None,
        out,
        tm.MiningRule(**rule),
        normalise=True,
        threads=1,
        never_negatives="never.csv",
    )


def mine_pairs(out: str = "pairs") -> None:
    """Mine pairs: the first 20 rows are queries, all are documents."""
    shutil.rmtree(out, ignore_errors=True)
    for name, rows in (("queries", 20), ("corpus", ROWS)):
        columns = {"key": [f"{name}{row}" for row in range(rows)], "embedding": list(VECTORS[:rows])}
        pq.write_table(pa.table(columns), f"{name}.parquet")
    Path("pairs.csv").write_text(
        "query_row,document_row\n" + "".join(f"{row},{row + 30}\n" for row in range(20))
    )
    tm.mine_pair_files("queries.parquet", "corpus.parquet", "pairs.csv", out, normalise=True, threads=1)


def broken(name: str, then: Call, content: bytes | pa.Table = b"{") -> Call:
    """Damage a file of both folders."""

    def damage() -> None:
        mine()
        mine_pairs()
        for folder in ("out", "pairs"):
            path = Path(folder, name)
            if not path.exists():
                continue
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                pq.write_table(content, path)
        then()

    return damage


def mined_again(then: Call) -> Call:
    return lambda: (mine(), mine_pairs(), then())


def read() -> None:
    tm.read_triplets("out")


def read_pairs() -> None:
    tm.read_pairs("pairs")


def export(
    folder: str = "out", form: Form | None = None, out: str = "t.jsonl", file: str = "", **options: str
) -> Call:
    """Export anew. file: contents of texts.csv."""

    def written() -> None:
        Path(out).unlink(missing_ok=True)
        again(folder, form, out, file, **options)()

    return written


def again(
    folder: str = "out", form: Form | None = None, out: str = "t.jsonl", file: str = "", **options: str
) -> Call:
    """Export without removing what is there."""

    def written() -> None:
        Path("texts.csv").write_text(file)
        export_triplets(Path(folder), Path(out), form, **options)  # pyright: ignore[reportArgumentType]

    return written


def texts(*lines: str, column: str = "text", first: str = "text") -> Call:
    """Export with these texts, one on each line."""
    return export(file="\n".join([first, *lines]), values="texts.csv", column=column)


def suspects(out: str, *, fresh: bool = False) -> Call:
    return lambda: (fresh and shutil.rmtree(out), list_suspects(Path("out"), Path(out)))


def damaged_table(recall_sample: int) -> Call:
    def audit() -> None:
        shutil.copytree("out", "damaged", dirs_exist_ok=True)
        shutil.rmtree("damaged/neighbours.zarr/ids/c")
        audit_folder(Path("damaged"), recall_sample=recall_sample)

    return audit


def of_more_rows() -> None:
    """The triplets of one mining beside the settings of another, of fewer rows."""
    shutil.rmtree("mixed", ignore_errors=True)
    shutil.copytree("out", "mixed")
    mine(40, "few")
    shutil.copy("few/mining.json", "mixed")
    export("mixed")()


GIVEN = [f"text {row}" for row in range(ROWS)]
BY_KEY = [f"r{row},text {row}" for row in range(ROWS)]
KEYED = {"first": "key,text"}
NO_KEYS = pa.table({"key": ["a"]})

REFUSALS = {
    "an epoch of no run": Refusal(
        lambda: tm.read_triplets("out", epoch=1), "out is not a run directory: leave epoch out", read
    ),
    "no triplets": Refusal(
        lambda: (Path("none").mkdir(), tm.read_triplets("none")),
        "give a folder that `tripletmine mine` wrote, a run directory, or the mine folder of an epoch",
        read,
    ),
    "settings that are damaged": Refusal(
        broken("mining.json", read), "cannot be understood (", mined_again(read)
    ),
    "settings of a later version": Refusal(
        broken(
            "mining.json",
            read,
            b'{"settings": {"rule": {"guards": {"rank_window": null}, "depth": 2}}, "counts": 1}',
        ),
        "mine again",
        mined_again(read),
    ),
    "pairs that are never negatives": Refusal(
        broken("never_negatives.parquet", lambda: audit_folder(Path("out"))),
        "never_negatives.parquet cannot be understood (",
        mined_again(lambda: audit_folder(Path("out"))),
    ),
    "what is relevant": Refusal(
        broken("relevance.parquet", read_pairs),
        "relevance.parquet cannot be understood (",
        mined_again(read_pairs),
    ),
    "keys": Refusal(
        broken("corpus.parquet", read_pairs), "corpus.parquet cannot be understood (", mined_again(read_pairs)
    ),
    "keys of other rows": Refusal(
        broken("corpus.parquet", read_pairs, NO_KEYS),
        "corpus.parquet has 1 keys for 60 rows: mine again",
        mined_again(read_pairs),
    ),
    "triplets of queries": Refusal(lambda: tm.read_triplets("pairs"), "read it with read_pairs", read_pairs),
    "triplets of classes": Refusal(lambda: tm.read_pairs("out"), "read it with read_triplets", read),
    "a neighbour table that is damaged": Refusal(
        damaged_table(10),
        "mine again, or leave the table out with --recall-sample 0",
        damaged_table(0),
        mined_again(lambda: audit_folder(Path("out"), recall_sample=10)),
    ),
    "a folder of suspects that is there": Refusal(
        lambda: (suspects("s")(), suspects("s")()),
        "s exists already: choose another folder, or remove it",
        suspects("other"),
        suspects("s", fresh=True),
    ),
    "a file that is there": Refusal(
        lambda: (again()(), again()()),
        "t.jsonl exists already: choose another name, or remove it",
        again(out="other.jsonl"),
        export(),
    ),
    "a file of another kind": Refusal(
        export(out="t.txt"),
        "choose one of these, or a name without a suffix for a folder that datasets.load_from_disk opens",
        *(export(out=name) for name in ("t.parquet", "t.jsonl", "t.jsonl.gz", "t")),
    ),
    "a form": Refusal(
        lambda: Form("quadruplet"),
        "form is 'quadruplet' but must be one of",
        *(lambda name=name: Form(name) for name in FORMS),
    ),
    "negatives of a form that has all": Refusal(
        lambda: Form("triplet", 2),
        "leave negatives out, or choose n-tuple",
        lambda: Form("triplet"),
        lambda: Form("n-tuple", 2),
    ),
    "no negatives": Refusal(
        lambda: Form("n-tuple", 0), "must be at least 1: raise it", lambda: Form("n-tuple", 1)
    ),
    "more negatives than were mined": Refusal(
        export(form=Form("n-tuple", 3)),
        "lower --negatives, or mine again with --negatives-per-positive and --triplets-per-anchor raised",
        export(form=Form("n-tuple", 1)),
        lambda: (
            mine(out="more", negatives_per_positive=3, triplets_per_anchor=24),
            export("more", Form("n-tuple", 3))(),
        ),
    ),
    "documents of classes": Refusal(
        export(file="text\n", corpus_values="texts.csv"),
        "corpus_values is for triplets of queries and a corpus: give values alone",
        texts(*GIVEN),
    ),
    "texts of one side": Refusal(
        export("pairs", file="\n".join(["text", *GIVEN[:20]]), values="texts.csv"),
        "values is given without corpus_values, and one has the queries, the other the documents: give both",
        lambda: (
            Path("documents.csv").write_text("\n".join(["text", *GIVEN])),
            export(
                "pairs",
                file="\n".join(["text", *GIVEN[:20]]),
                values="texts.csv",
                corpus_values="documents.csv",
            )(),
        ),
    ),
    "no column of texts": Refusal(
        texts(*GIVEN, first="body"),
        "it has body): name one with --column",
        texts(*GIVEN, first="body", column="body"),
    ),
    "texts of other rows": Refusal(
        texts(*GIVEN[1:]),
        "give a file with one row for each, in the same order, or with a column key",
        texts(*GIVEN),
        texts(*BY_KEY, "r60,one more", **KEYED),
    ),
    "keys without a text": Refusal(
        texts(*BY_KEY[1:], **KEYED),
        "add them, or drop its column key where its rows are in the order of the data",
        texts(*BY_KEY, **KEYED),
        texts(*GIVEN),
    ),
    "an empty text": Refusal(
        texts('""', *GIVEN[1:]), "has 1 empty cells, the first for 'r0': fill them", texts(*GIVEN)
    ),
    "triplets of other data": Refusal(
        of_more_rows, "it is of other data, so mine again", mined_again(export())
    ),
}


def test_a_folder_needs_datasets(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(
        name.startswith("datasets") and "huggingface" in name for name in requires("tripletmine") or ()
    )
    monkeypatch.chdir(tmp_path)

    def out(name: str, *, installed: bool) -> Call:
        def written() -> None:
            with pytest.MonkeyPatch.context() as patch:
                if not installed:
                    patch.setitem(sys.modules, "datasets", None)
                export_triplets(folders / "out", Path(name))

        return written

    Refusal(
        out("t", installed=False),
        "pip install 'tripletmine[huggingface]', or name a file that ends in .parquet or .jsonl or .jsonl.gz",
        out("t", installed=True),
        *(out(name, installed=False) for name in ("t.parquet", "t.jsonl", "t.jsonl.gz")),
    ).require(UnavailableError)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both folders and their files, mined once."""
    folder = tmp_path_factory.mktemp("mined")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mine()
        mine_pairs()
    return folder


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(
    refusal: Refusal, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folders, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    refusal.require((PipelineError, InputError))
