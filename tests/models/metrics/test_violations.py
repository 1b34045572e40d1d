import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.violations import violation_share


def slow(x, y, margin, anchors):
    violated = pairs = 0
    for a in anchors:
        d = ((x.astype(float) - x[a]) ** 2).sum(axis=1)
        negatives = [d[n] for n in range(len(y)) if y[n] != y[a]]
        for p in range(len(y)):
            if p != a and y[p] == y[a] and negatives:
                pairs += 1
                violated += min(negatives) < d[p] + margin
    return violated / pairs if pairs else 0.0


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2), st.integers(0, 3)), min_size=1, max_size=20),
    st.sampled_from([0.5, 1.0, 2.5]),
)
def test_all_anchors(rows, margin):
    rows = np.array(rows)
    x, y = rows[:, :2].astype(np.float32), rows[:, 2].astype(np.int32)
    assert violation_share(x, y, margin=margin, anchors=5000, seed=0) == pytest.approx(
        slow(x, y, margin, range(len(y)))
    )


def clouds(rows=400):
    generator = np.random.default_rng(0)
    y = generator.integers(0, 10, rows).astype(np.int32)
    return (generator.normal(0, 1, (10, 4))[y] + generator.normal(0, 0.8, (rows, 4))).astype(np.float32), y


def test_a_sample_is_fixed_by_its_seed_and_close_to_the_whole():
    x, y = clouds()
    whole = violation_share(x, y, margin=0.2, anchors=5000, seed=0)
    sampled = [violation_share(x, y, margin=0.2, anchors=100, seed=seed) for seed in (1, 1, 2)]
    assert sampled[0] == sampled[1] != sampled[2]
    assert abs(sampled[0] - whole) < 0.1, (sampled, whole)


def test_blocks_do_not_change_it(monkeypatch):
    x, y = clouds()
    whole = violation_share(x, y, margin=0.2, anchors=5000, seed=0)
    monkeypatch.setattr("tripletmine.models.metrics.blocks.MIB", 2**12)
    assert violation_share(x, y, margin=0.2, anchors=5000, seed=0, block_mib=1) == whole


@pytest.mark.parametrize(
    ("arguments", "said"), [({"margin": 0.0}, "margin is 0.0"), ({"anchors": 0}, "anchors is 0")]
)
def test_settings_out_of_range_are_refused(arguments, said):
    with pytest.raises(ModelError, match=said):
        violation_share(*clouds(), **({"margin": 0.2, "anchors": 5000, "seed": 0} | arguments))
