"""Queries, a corpus and pairs in files: mined into a folder, which the other commands read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from tripletmine.mining.miner import PAIR_COLUMNS
from tripletmine.pipeline.errors import CorruptError, DataError, SpecError
from typer.testing import CliRunner

QUERIES, DOCUMENTS, WIDTH = 90, 300, 8


@pytest.fixture(scope="module")
def corpus() -> np.ndarray:
    """float32 (300, 8), of any length; document 7 comes twice."""
    vectors = np.random.default_rng(1).standard_normal((DOCUMENTS, WIDTH)).astype(np.float32)
    vectors[8] = vectors[7]
    return vectors


@pytest.fixture(scope="module")
def pairs() -> np.ndarray:
    """(P, 2): one or two documents for each of the first 80 queries."""
    rng = np.random.default_rng(2)
    query = np.concatenate([np.arange(80), np.arange(0, 80, 2)])
    return np.stack([query, rng.permutation(np.arange(10, DOCUMENTS))[: len(query)]], axis=1)


@pytest.fixture(scope="module")
def queries(corpus, pairs) -> np.ndarray:
    """float32 (90, 8), each near its documents; query 0 is document 7."""
    vectors = np.random.default_rng(3).standard_normal((QUERIES, WIDTH)).astype(np.float32)
    np.add.at(vectors, pairs[:, 0], 2 * corpus[pairs[:, 1]])
    vectors[0] = corpus[7]
    return vectors


def keys(letter: str, rows: int) -> list[str]:
    return [f"{letter}{row}" for row in range(rows)]


def write_vectors(path: Path, vectors: np.ndarray, names: list[str] | None) -> Path:
    """A Parquet file with the column key, or .npy without names."""
    if names is None:
        path = path.with_suffix(".npy")
        np.save(path, vectors)
    else:
        lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        pq.write_table(pa.table({"key": names, "embedding": lists}), path)
    return path


@pytest.fixture
def files(tmp_path, queries, corpus, pairs) -> dict[str, Path]:
    """Both sides with keys, and pairs by key with grades: query 3 was judged against document 5."""
    named = {"query": keys("q", QUERIES), "document": keys("d", DOCUMENTS)}
    rows = [*((f"q{q}", f"d{d}", 1) for q, d in pairs), ("q3", "d5", 0)]
    pq.write_table(
        pa.table(dict(zip(("query", "document", "grade"), zip(*rows, strict=True), strict=True))),
        tmp_path / "relevant.parquet",
    )
    return {
        "queries": write_vectors(tmp_path / "queries.parquet", queries, named["query"]),
        "corpus": write_vectors(tmp_path / "corpus.parquet", corpus, named["document"]),
        "relevant": tmp_path / "relevant.parquet",
    }


@pytest.fixture
def mined(files, tmp_path) -> Path:
    """A mined folder, with a margin that admits most."""
    rule = tm.MiningRule(0.9, margin=0.6, negatives_per_positive=2)
    tm.mine_pair_files(**files, out=tmp_path / "mined", rule=rule, normalise=True, chunk_rows=40)
    return tmp_path / "mined"


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and output of a command."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    return result.exit_code, " ".join(result.output.split())


def test_a_folder_has_what_arrays_give(mined, queries, corpus, pairs) -> None:
    rule = tm.MiningRule(0.9, margin=0.6, negatives_per_positive=2)
    expected = tm.mine_pairs(queries, corpus, pairs, rule, normalise=True)
    found = tm.read_pairs(mined)
    assert len(found) > 100
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column, err_msg=name)
    assert found.report.counts() == expected.report.counts()
    assert found.relevance.irrelevant.of(3).tolist() == [5]
    table = found.to_arrow()
    assert table["anchor_key"][0].as_py() == f"q{table['anchor'][0]}"
    assert table["negative_key"][0].as_py() == f"d{table['negative'][0]}"
    assert len(list((mined / "triplets").iterdir())) == 3


def test_the_folder_says_which_ids_are_whose(mined) -> None:
    about = json.loads((mined / "mining.json").read_text())
    assert about["ids"] == {"anchor": "queries", "positive": "corpus", "negative": "corpus"}
    assert (about["queries"], about["corpus"]) == ([QUERIES, WIDTH], [DOCUMENTS, WIDTH])
    assert pq.read_schema(mined / "triplets/part-00000.parquet").names == list(PAIR_COLUMNS)
    assert pq.read_table(mined / "queries.parquet")["key"].to_pylist() == keys("q", QUERIES)
    assert pq.read_table(mined / "corpus.parquet")["key"].to_pylist() == keys("d", DOCUMENTS)
    audit = json.loads((mined / "audit.json").read_text())
    assert audit["violations"] == {}
    assert audit["checked"] > 100


def test_what_was_left_out_is_said(files, tmp_path) -> None:
    notes: list[str] = []
    relevant = pq.read_table(files["relevant"])
    more = pa.table({"query": ["q999", "q2", "q5"], "document": ["d1", "d999", "d9"], "grade": [1, 1, 1]})
    again = relevant.slice(0, 1)
    pq.write_table(pa.concat_tables([relevant, more, again]), files["relevant"])
    found = tm.mine_pair_files(
        **files, out=tmp_path / "out", rule=tm.MiningRule(0.0, margin=4.0), normalise=True, note=notes.append
    )
    assert found.left_out == {"without query": 1, "without document": 1}
    for remark in (
        "1 pairs are left out: they name a query that is not there",
        "1 pairs are left out: they name a document that is not there",
        "1 pairs are there more than once, and count once",
        "1 pairs were judged not to be relevant: known negatives",
        "10 of 90 queries have no relevant document, and are left out",
        "1 of 80 queries with a relevant document have the same vector as a document that is not said to be relevant: "
        "it is never taken as a negative",
    ):
        assert remark in notes
        assert remark in found.remarks
    columns = tm.read_pairs(tmp_path / "out").columns
    assert not np.isin(columns["negative"][columns["anchor"] == 0], (7, 8)).any()


@pytest.mark.parametrize("form", ["rows.csv", "rows.tsv", "beir.tsv", "text rows"])
def test_pairs_by_row_and_in_other_forms_give_the_same(files, mined, pairs, tmp_path, queries, form) -> None:
    expected = tm.read_pairs(mined)
    path = tmp_path / ("other.tsv" if form.endswith("tsv") else "other.csv")
    tab = "\t" if form.endswith("tsv") else ","
    if form.startswith("rows"):
        head, lines = ("query_row", "document_row"), pairs.tolist()
    elif form == "beir.tsv":
        head, lines = ("query-id", "corpus-id", "score"), [(f"q{q}", f"d{d}", 2) for q, d in pairs]
    else:  # queries without keys are called by their rows
        files["queries"] = write_vectors(tmp_path / "bare", queries, None)
        head, lines = ("query", "document"), [(q, f"d{d}") for q, d in pairs]
    path.write_text("\n".join(tab.join(map(str, line)) for line in (head, *lines)) + "\n")
    files["relevant"] = path
    rule = tm.MiningRule(0.9, margin=0.6, negatives_per_positive=2)
    tm.mine_pair_files(**files, out=tmp_path / "out", rule=rule, normalise=True)
    found = tm.read_pairs(tmp_path / "out")
    np.testing.assert_array_equal(found.columns["negative"], expected.columns["negative"])
    assert (tmp_path / "out" / "queries.parquet").exists() == (form != "text rows")


def test_queries_that_are_documents(tmp_path, corpus) -> None:
    """The queries are the corpus itself; each document is relevant to the one before."""
    names = keys("d", DOCUMENTS)
    asked = write_vectors(
        tmp_path / "q.parquet",
        corpus + np.random.default_rng(5).normal(size=corpus.shape).astype("f4") / 10,
        names,
    )
    files = {
        "queries": asked,
        "corpus": write_vectors(tmp_path / "c.parquet", corpus, names),
        "relevant": tmp_path / "r.csv",
    }
    files["relevant"].write_text(
        "query,document\n" + "".join(f"d{i},d{i + 1}\n" for i in range(100)) + "d0,d0\n"
    )
    options = ["--normalise", "--any-negative", "--k-hardness", "0", "--margin", "4", "--neighbours", "20"]
    command = [each for name, path in files.items() for each in (f"--{name}", path)]
    code, output = run("mine", *command, "--out", tmp_path / "first", *options)
    assert code == 0
    assert "300 queries have the key of a document: if that is the same item, leave it out" in output
    columns = tm.read_pairs(tmp_path / "first").columns
    assert (columns["anchor"] == columns["negative"]).sum() > 90
    code, output = run("mine", *command, "--out", tmp_path / "second", *options, "--same-items")
    assert code == 0, output
    assert "1 pairs are left out: they say that a query is relevant to itself" in output
    columns = tm.read_pairs(tmp_path / "second").columns
    assert (columns["anchor"] != columns["negative"]).all()
    code, output = run("audit", tmp_path / "second")
    assert (code, "recall of the neighbour table on 100 rows: 1.0000" in output) == (0, True), output


def test_a_corpus_in_parts_gives_the_same(files, mined, tmp_path) -> None:
    rule = tm.MiningRule(0.9, margin=0.6, negatives_per_positive=2)
    big = np.concatenate([np.load(write_vectors(tmp_path / "c", np.eye(WIDTH, dtype="f4"), None))] * 6000)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(big.ravel()), WIDTH)
    whole = pa.concat_tables(
        [pq.read_table(files["corpus"]), pa.table({"key": keys("e", len(big)), "embedding": lists})]
    )
    pq.write_table(whole, files["corpus"])
    results = []
    for name, memory in (("one", None), ("many", 3)):
        result = tm.mine_pair_files(
            **files,
            out=tmp_path / name,
            rule=rule,
            normalise=True,
            method="exact",
            memory_mib=memory,
            neighbours=50,
        )
        results.append((result.graph.parts, tm.read_pairs(tmp_path / name)))
    assert (results[0][0], results[1][0]) == (1, 2)
    for name, column in results[0][1].columns.items():
        np.testing.assert_array_equal(results[1][1].columns[name], column, err_msg=name)


def test_audit_finds_what_was_changed(mined) -> None:
    code, output = run("audit", mined)
    assert (code, "no violation" in output, "recall of the neighbour table on 80 rows: 1.0000" in output) == (
        0, True, True,
    ), output  # fmt: skip
    part = mined / "triplets/part-00000.parquet"
    table = pq.read_table(part)
    swapped = table.set_column(2, "negative", table["positive"])
    pq.write_table(swapped, part)
    code, output = run("audit", mined)
    assert code == 1
    assert "x negative_label" in output


def test_suspects_are_documents_nearer_than_the_positive(mined, tmp_path) -> None:
    code, output = run("suspects", mined, "--out", tmp_path / "suspects", "--minimum-score", "0.3")
    assert code == 0
    found = pq.read_table(tmp_path / "suspects/unlabelled_positives.parquet").to_pylist()
    assert f"{len(found)} pairs in" in output
    assert {(row["query_key"], row["document_key"]) for row in found if row["sq_distance"] == 0} == {
        ("q0", "d7"), ("q0", "d8"),
    }  # fmt: skip
    assert all(row["sq_distance"] < row["sq_positive"] for row in found)


def test_triplets_go_out_by_key_or_by_text(mined, tmp_path) -> None:
    expected = tm.read_pairs(mined).to_arrow().to_pylist()
    assert run("triplets", mined, "--out", tmp_path / "keys.jsonl")[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "keys.jsonl").read_text().splitlines()]
    assert lines[5] == {role: expected[5][f"{role}_key"] for role in ("anchor", "positive", "negative")}
    for name, rows in (("q", QUERIES), ("c", DOCUMENTS)):
        pq.write_table(
            pa.table({"text": [f"text {name} {row}" for row in range(rows)]}), tmp_path / f"{name}.parquet"
        )
    texts = ["--values", tmp_path / "q.parquet", "--corpus-values", tmp_path / "c.parquet"]
    assert run("triplets", mined, "--out", tmp_path / "texts.jsonl", *texts)[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "texts.jsonl").read_text().splitlines()]
    assert lines[5]["anchor"] == f"text q {expected[5]['anchor']}"
    assert lines[5]["negative"] == f"text c {expected[5]['negative']}"
    code, output = run("triplets", mined, "--out", tmp_path / "x.jsonl", *texts[:2])
    assert code != 0
    assert (
        "--values is given without --corpus-values, and one has the queries, the other the documents"
        in output
    )


def test_one_set_and_two_are_read_by_their_own_functions(mined) -> None:
    with pytest.raises(SpecError, match="read it with read_pairs"):
        tm.read_triplets(mined)


def change_relevant(text: str) -> Callable[[dict[str, Path]], None]:
    def change(files: dict[str, Path]) -> None:
        files["relevant"] = files["relevant"].with_suffix(".csv")
        files["relevant"].write_text(text)

    return change


def change_vectors(
    side: str, change: Callable[[np.ndarray], np.ndarray]
) -> Callable[[dict[str, Path]], None]:
    def changed(files: dict[str, Path]) -> None:
        table = pq.read_table(files[side])
        vectors = np.stack(table["embedding"].to_numpy())
        write_vectors(files[side], change(vectors), table["key"].to_pylist())

    return changed


def same_key_twice(files: dict[str, Path]) -> None:
    table = pq.read_table(files["corpus"])
    pq.write_table(
        table.set_column(0, "key", pa.array(["d1", *table["key"].to_pylist()[1:]])), files["corpus"]
    )


def with_nan(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.copy()
    vectors[4, 2] = np.nan
    return vectors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            change_relevant("query,document\na,b\n"),
            "none of the 1 pairs is of these files: none names a query that is there (the first says a, where the "
            "first is q0); none names a document that is there (the first says b, where the first is d0)",
        ),
        (change_relevant("query,document\nq1,\n"), 'column "document" has 1 empty cells'),
        (change_relevant("query,document,grade\nq1,d1,0\n"), "none of the 1 pairs is relevant"),
        (
            change_relevant("query,document,grade\nq1,d1,1\nq1,d1,0\n"),
            "given as relevant and as not relevant",
        ),
        (
            change_relevant("query,document,grade\nq1,d1,good\n"),
            'column "grade" has a value that is not a number',
        ),
        (
            change_relevant("query,grade\nq1,1\n"),
            "must have one of the columns document, corpus-id, document_row",
        ),
        (
            change_relevant("query,query_row,document\nq1,1,d1\n"),
            "must have one of the columns query, query-id",
        ),
        (
            change_relevant("query_row,document_row\n1,x\n"),
            'column "document_row" has a value that is not a row',
        ),
        (change_vectors("queries", lambda v: v[:, :5]), "has vectors of width 5 and"),
        (change_vectors("corpus", with_nan), "rows 4 hold NaN"),
        (same_key_twice, "has 2 rows with the key 'd1'"),
    ],
)
def test_bad_input(files, tmp_path, change, message) -> None:
    change(files)
    options = [each for name, path in files.items() for each in (f"--{name}", path)]
    code, output = run("mine", *options, "--out", tmp_path / "out", "--normalise")
    assert code != 0
    assert message in output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--queries", "q.npy"], "--queries is given without --corpus"),
        (["--relevant", "r.csv", "--queries", "q.npy"], "--queries is given without --corpus"),
        ([], "--embeddings is missing: give --embeddings, or --queries with --corpus and --relevant"),
        (
            ["--queries", "q", "--corpus", "c", "--relevant", "r", "--labels", "l"],
            "--labels is given beside --queries",
        ),
        (
            ["--queries", "q", "--corpus", "c", "--relevant", "r", "--positives", "neighbours"],
            "--positives is 'neighbours'",
        ),
    ],
)
def test_options_that_do_not_go_together(tmp_path, options, message) -> None:
    code, output = run("mine", *options, "--out", tmp_path / "out")
    assert code != 0
    assert message in output


def test_where_nothing_is_found_the_reasons_are_said(files, tmp_path) -> None:
    with pytest.raises(DataError, match=r"no triplet was found: .* have no negative that the rule admits"):
        tm.mine_pair_files(**files, out=tmp_path / "out", rule=tm.MiningRule(1.9), normalise=True)
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("relevance.parquet", lambda _: b"no table"),
        ("queries.parquet", lambda content: content[: len(content) // 2]),
    ],
)
def test_a_damaged_folder_is_named(mined, name, change: Callable[[bytes], bytes]) -> None:
    path = mined / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CorruptError, match=rf"{name} cannot be understood \(.*\): mine again"):
        tm.read_pairs(mined)


def test_keys_of_another_number_are_refused(mined) -> None:
    table: Any = pq.read_table(mined / "corpus.parquet")
    pq.write_table(table.slice(1), mined / "corpus.parquet")
    with pytest.raises(CorruptError, match=r"has 299 keys for 300 rows"):
        tm.read_pairs(mined)


def test_groups_and_pairs_that_are_never_negatives(files, mined, tmp_path) -> None:
    negatives = tm.read_pairs(mined).to_arrow().select(["anchor_key", "negative_key"]).to_pylist()
    barred = [(row["anchor_key"], row["negative_key"]) for row in negatives[::9]]
    lines = ["query\tdocument", *map("\t".join, barred), "q1\tnobody"]
    (tmp_path / "never.tsv").write_text("\n".join(lines))
    for side in ("queries", "corpus"):
        table = pq.read_table(files[side])
        table = table.append_column("group", pa.array([f"page {row % 7}" for row in range(len(table))]))
        pq.write_table(table, files[side])
    arguments = [word for name, path in files.items() for word in (f"--{name}", path)]
    arguments += [
        "--never-negatives",
        tmp_path / "never.tsv",
        "--same-group",
        "never-pair",
        "--margin",
        "0.6",
    ]
    code, output = run("mine", *arguments, "--normalise", "--out", tmp_path / "out")
    assert code == 0, output
    assert f"1 of {len(barred) + 1} pairs are not of these rows, and left out" in output
    counts = json.loads((tmp_path / "out/mining.json").read_text())["counts"]
    assert min(counts["refused"]["never_negative"], counts["refused"]["same_group"]) > 0
    assert counts["positives_of_group"] > 0
    assert run("audit", tmp_path / "out")[0] == 0
    (tmp_path / "out/never_negatives.parquet").unlink()
    pq.write_table(pa.table({"anchor": [0], "negative": [1]}), tmp_path / "out/never_negatives.parquet")
    assert run("audit", tmp_path / "out")[0] == 0, "the folder's own pairs are what it is held to"


def test_a_group_that_one_side_lacks(files, tmp_path) -> None:
    arguments = [word for name, path in files.items() for word in (f"--{name}", path)]
    code, output = run(
        "mine", *arguments, "--normalise", "--out", tmp_path / "out", "--same-group", "never-pair"
    )
    assert code == 1
    assert "queries.parquet has no column group, which --same-group asks for: add it, or leave" in output


def test_a_teacher_looks_at_queries_and_documents(files, mined, tmp_path) -> None:
    before = tm.read_pairs(mined)
    (tmp_path / "teacher.py").write_text(
        "def score(queries, documents):\n"
        "    assert queries[0][0] == 'q' and documents[0][0] == 'd'\n"
        "    return [float(int(d[1:]) % 2) for d in documents]\n"
    )
    arguments = [word for name, path in files.items() for word in (f"--{name}", path)]
    arguments += ["--k-hardness", "0.9", "--margin", "0.6", "--negatives-per-positive", "2", "--normalise"]
    code, output = run(
        "mine", *arguments, "--rescore", tmp_path / "teacher.py:score", "--out", tmp_path / "out"
    )
    assert code == 0, output
    after = tm.read_pairs(tmp_path / "out")
    stays = before.columns["negative"] % 2 <= (before.columns["positive"] % 2) * 0.95
    np.testing.assert_array_equal(after.columns["negative"], before.columns["negative"][stays])
    assert after.report.refused["teacher"] == (~stays).sum() > 0
