"""The published results: readable, one line each."""

import json

import pytest

from .results_files import RESULTS, as_lines


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_file_has_a_line_for_each_result(path):
    text = path.read_text()
    published = json.loads(text)
    assert as_lines(published) == text
    assert len(text.splitlines()) == len(published) + len(published["results"]) + 3
