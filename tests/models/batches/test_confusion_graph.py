from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tripletmine.models.batches.confusion_graph import confusion_graph


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 9)), max_size=30))
def test_the_graph_adds_up_both_directions_and_drops_loops(edges):
    first, second, counts = np.array(edges, np.int64).reshape(-1, 3).T
    graph = confusion_graph(first, second, counts, 6)
    expected = defaultdict(int)
    for a, b, count in edges:
        if a != b and count:
            expected[a, b] += count
            expected[b, a] += count
    found = {}
    for code in range(6):
        neighbours, weights = graph.of(code)
        assert (np.diff(neighbours) > 0).all()
        found |= {(code, int(other)): weight for other, weight in zip(neighbours, weights, strict=True)}
    assert found == expected
