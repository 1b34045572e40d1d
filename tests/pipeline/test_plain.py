"""Text from data stays text, on a terminal and in Markdown."""

import pytest
from tripletmine.pipeline.plain import as_markdown, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ärger 猫 👩\u200d💻 \u3000می\u200cخواهم", "Ärger 猫 👩\u200d💻 \u3000می\u200cخواهم"),
        ("a\x00\x1b[31m\x7f\x85", r"a\x00\x1b[31m\x7f\x85"),
        ("\u202e\u2066\u200f\u061c\u2028\ufeff", r"\u202e\u2066\u200f\u061c\u2028\ufeff"),
        ("file-\udcff", r"file-\udcff"),
        ("two\nlines\ttab\r", "two\nlines" + r"\ttab\r"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert plain(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x>", r"\<img src=x\>"),
        ("a|b [c](javascript:d) \x1b[2J\n# e", r"a\|b \[c\]\(javascript:d\) \\x1b\[2J \# e"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_nothing_in_it_is_markup(text: str, shown: str) -> None:
    assert as_markdown(text) == shown
