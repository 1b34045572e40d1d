"""Pages of triplets of queries and a corpus."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.report.report import report_page
from typer.testing import CliRunner

QUERIES, DOCUMENTS = 40, 90


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Query 0 has the vector of document 70, which is not listed as relevant; some pairs and negatives are left out."""
    home, random = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    corpus = random.standard_normal((DOCUMENTS, 6)).astype(np.float32)
    queries = corpus[:QUERIES] + 0.4 * random.standard_normal((QUERIES, 6)).astype(np.float32)
    queries[0] = corpus[70]
    for name, letter, vectors in (("q", "q", queries), ("c", "<d>", corpus)):
        lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 6)
        keys = [f"{letter}{row}" for row in range(len(vectors))]
        pq.write_table(pa.table({"key": keys, "vector": lists}), home / f"{name}.parquet")
        pq.write_table(
            pa.table({"key": keys, "text": [f"text of {key}" for key in keys]}),
            home / f"{name}-texts.parquet",
        )
    pairs = "".join(f"q{row},<d>{row}\n" for row in range(30))
    (home / "pairs.csv").write_text(f"query,document\n{pairs}q1,nobody\n")
    rule = tm.MiningRule(0.5, margin=1.0, guards=tm.Guards(rank_window=(1, 20)))
    tm.mine_pair_files(
        home / "q.parquet",
        home / "c.parquet",
        home / "pairs.csv",
        home / "mined",
        rule,
        normalise=True,
        chunk_rows=16,
    )
    return home / "mined"


def told(folder: Path, *options: object) -> str:
    out = folder.parent / "page.html"
    result = CliRunner().invoke(app, ["report", str(folder), "--out", str(out), *map(str, options)])
    assert result.exit_code == 0, result.output
    return out.read_text()


def test_a_page_shows_hard_triplets_suspects_and_what_was_left_out(folder) -> None:
    page = " ".join(told(folder).split())
    mined = tm.read_pairs(folder)
    assert (
        f"{len(mined):,} triplets were mined, for {mined.report.anchors_with_triplet:,} of 30 queries" in page
    )
    assert "against 90 documents" in page
    assert "10 of 40 queries have no relevant document, and were left out." in page
    columns = mined.columns
    hardest = int(np.argmax(columns["sq_positive"] - columns["sq_negative"]))
    section = page[page.index('id="hardest"') : page.index('id="record"')]
    first = section[section.index("<li") : section.index("</li>")]
    for key in (
        f"q{columns['anchor'][hardest]}",
        *(f"&lt;d&gt;{columns[role][hardest]}" for role in ("positive", "negative")),
    ):
        assert f'title="{key}"' in first
    section = page[page.index('id="unlabelled"') : page.index('id="hardest"')]
    first = section[section.index("<li") : section.index("</li>")]
    assert 'title="q0"' in first
    assert 'title="&lt;d&gt;70"' in first
    assert "negatives refused by the guard rank window" in page
    assert "pairs without document" in page
    assert "<d>" not in page


def test_a_page_shows_texts_of_both_sides(folder) -> None:
    home = folder.parent
    page = told(folder, "--values", home / "q-texts.parquet", "--corpus-values", home / "c-texts.parquet")
    assert "text of q0" in page
    assert "text of &lt;d&gt;70" in page
    with pytest.raises(SpecError, match="values is given without corpus_values"):
        report_page(folder, values=str(home / "q-texts.parquet"))


def test_a_lost_table_is_named_and_the_rest_is_there(folder, tmp_path) -> None:
    copy = tmp_path / "mined"
    copy.mkdir()
    for path in folder.iterdir():
        if path.name != "neighbours.zarr":
            (copy / path.name).symlink_to(path)
    page = told(copy)
    assert "Unlabelled positives" in page[: page.index('id="hardest"')]
    assert 'id="unlabelled"' not in page


def test_what_there_is_not_of_queries_is_refused_with_what_there_is(folder, tmp_path) -> None:
    with pytest.raises(SpecError, match=r"for which there is no page to decide in: look at the page that"):
        report_page(folder, save="decisions")
    result = CliRunner().invoke(app, ["report", str(folder), "--out", str(tmp_path / "rows.parquet")])
    assert result.exit_code == 1
    assert "there is no table of rows: look at the page that `tripletmine report` writes" in " ".join(
        result.output.split()
    )
