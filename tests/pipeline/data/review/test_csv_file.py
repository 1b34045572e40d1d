"""A review as a CSV file: what it may say, how it is refused, and that writing and reading agree."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tripletmine.pipeline.data.review.csv_file import (
    merged,
    parse_review,
    read_review,
    review_bytes,
    write_review,
)
from tripletmine.pipeline.data.review.decisions import Review, pair_of
from tripletmine.pipeline.errors import DataError

HEAD = "decision,key,other_key,label\n"


def parsed(text):
    return parse_review((HEAD + text).encode(), "review.csv")


def test_each_decision_is_read():
    found = parsed(
        'relabel,a.png,,"oak, old"\nexclude,b.png,,\nkeep,c.png,,elm\nnever_negative,e,d,\nkeep,f,g,\n'
    )
    assert found == Review(
        relabelled={"a.png": "oak, old"},
        excluded=frozenset({"b.png"}),
        kept=frozenset({"c.png"}),
        never_negatives=frozenset({("d", "e")}),
        kept_pairs=frozenset({("f", "g")}),
    )


def test_what_spreadsheets_do_to_a_file_does_not_matter():
    saved = (HEAD + "exclude,a\n\n,,,\nexclude,a,,\nnever_negative,b,c,\nnever_negative,c,b,\n").replace(
        "\n", "\r\n"
    )
    found = parse_review(b"\xef\xbb\xbf" + saved.encode(), "review.csv")
    assert found == Review(excluded=frozenset({"a"}), never_negatives=frozenset({("b", "c")}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "drop,a,,\n",
            'line 2, has the decision "drop": write one of keep, relabel, exclude, never_negative',
        ),
        ("exclude,,,\n", "line 2, has no key to exclude"),
        ("exclude,a,,\nrelabel,b,, \n", 'line 3, has no label for "b"'),
        ("never_negative,a,,\n", "line 2, has a pair without other_key"),
        ("never_negative,a,a,\n", 'line 2, pairs "a" with itself'),
        ("exclude,a,,,x\n", "line 2, has 5 cells"),
        (
            "relabel,a,,oak\nexclude,c,,\nrelabel,a,,elm\n",
            'line 4, says relabel "elm" of "a", of which line 2 says',
        ),
        (
            "exclude,a,,\nkeep,a,,\n",
            'line 3, says keep of "a", of which line 2 says exclude: leave one of the two',
        ),
        (
            "never_negative,a,b,\nkeep,b,a,\n",
            'line 3, says keep of the pair "b" and "a", of which line 2 says',
        ),
        ('exclude,"a,,\n', "is not CSV"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text, message):
    with pytest.raises(DataError) as refused:
        parsed(text)
    assert message in str(refused.value)
    assert str(refused.value).startswith("the review review.csv, line")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            HEAD.encode() + "exclude,größe,,\n".encode("latin-1"),
            r"not UTF-8 \(byte 39 is 0xf6\): save it as UTF-8",
        ),
        (
            HEAD.replace(",", ";").encode(),
            'its first line must be "decision,key,other_key,label", with commas',
        ),
        (b"", "its first line must be"),
        ((HEAD + "exclude,a,,\n").encode("utf-16"), "not UTF-8"),
    ],
)
def test_another_kind_of_file_is_refused(content, message):
    with pytest.raises(DataError, match=message):
        parse_review(content, "review.csv")


def test_a_file_that_is_not_there_is_one_message(tmp_path):
    with pytest.raises(DataError, match=r"the review .*none.csv cannot be read \(No such file"):
        read_review(tmp_path / "none.csv")


CELLS = st.text(min_size=1, max_size=8).filter(lambda text: text.strip() == text and text.isprintable())
HOSTILE = st.sampled_from(
    ["=1+1", "'=x", "''@a", "-1", "+x", "@a", "'", "a,b", '"', "a\nb", "\u202egnp.exe", "\t="]
)


@given(
    rows=st.dictionaries(CELLS | HOSTILE, st.sampled_from(["exclude", "keep"]) | CELLS | st.just("=2")),
    pairs=st.dictionaries(
        st.tuples(CELLS | HOSTILE, CELLS | HOSTILE)
        .filter(lambda pair: pair[0] != pair[1])
        .map(lambda p: pair_of(*p)),
        st.booleans(),
    ),
)
def test_what_is_written_is_read_back_and_no_cell_is_a_formula(rows, pairs):
    review = Review(
        relabelled={key: what for key, what in rows.items() if what not in ("exclude", "keep")},
        excluded=frozenset(key for key, what in rows.items() if what == "exclude"),
        kept=frozenset(key for key, what in rows.items() if what == "keep"),
        never_negatives=frozenset(pair for pair, never in pairs.items() if never),
        kept_pairs=frozenset(pair for pair, never in pairs.items() if not never),
    )
    content = review_bytes(review)
    assert parse_review(content, "review.csv") == review
    cells = [cell for line in csv.reader(io.StringIO(content.decode(), newline="")) for cell in line]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r") and cell]


def test_the_digest_is_that_of_the_decisions(tmp_path):
    one, other = (
        parsed("exclude,a,,\nnever_negative,b,c,\n"),
        parsed("never_negative,c,b,x\nexclude,a,,\nexclude,a\n"),
    )
    assert one.digest() == other.digest()
    assert one.digest() != parsed("exclude,a,,\nnever_negative,b,d,\n").digest()
    assert parsed("").digest() is None
    write_review(tmp_path / "review.csv", one)
    assert read_review(tmp_path / "review.csv").digest() == one.digest()


def test_of_several_reviews_the_last_word_counts():
    found = merged(
        parsed("exclude,a,,\nkeep,b,,\nkeep,c,d,\n"), parsed("relabel,a,,oak\nnever_negative,d,c,\n")
    )
    assert found == parsed("relabel,a,,oak\nkeep,b,,\nnever_negative,c,d,\n")
