"""Two gloo processes, compared with one process."""

import pytest
import torch
from tripletmine.models.errors import ModelError
from tripletmine.models.train.processes import Processes, even_slices

from .. import two_processes
from ..launcher import in_two_processes
from ..two_processes import CASES, train


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """(case, rank) → all that the trainer of that process holds after the steps, and its losses."""
    return in_two_processes(two_processes.__file__, tmp_path_factory.mktemp("two"), CASES)


@pytest.mark.parametrize("name", CASES)
def test_both_processes_end_with_the_same_bits(states, name):
    first, second = states[name, 0], states[name, 1]
    assert first.keys() == second.keys()
    assert any(key.startswith("objective/terms.centres") for key in first)
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", ["plain", "in pieces", "averaged"])
def test_two_processes_train_what_one_trains(states, name):
    trainer, records = train(CASES[name])
    one, two = trainer.state(), dict(states[name, 0])
    losses = two.pop("losses")
    torch.testing.assert_close(
        losses, torch.tensor([record.loss for record in records], dtype=torch.float64), rtol=1e-4, atol=0
    )
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-4, atol=1e-5, msg=key)


def test_dropout_of_two_processes_is_that_of_one_in_as_large_pieces(states):
    """Rows 0 … 11 of 24, then the rest: the masks follow from the first row of each piece."""
    trainer, _ = train(two_processes.Case(dropout=0.3, embed_rows=12))
    for key, value in trainer.state().items():
        torch.testing.assert_close(states["dropout", 0][key], value, rtol=1e-4, atol=1e-5, msg=key)


def test_a_batch_smaller_than_the_processes_is_refused():
    with pytest.raises(ModelError, match=r"a batch has 3 rows but processes = 4"):
        Processes(0, 4).share(3)


@pytest.mark.parametrize(("rows", "parts"), [(5, 2), (24, 5), (3, 3), (7, 1)])
def test_slices_are_even_and_cover_all(rows, parts):
    slices = even_slices(rows, parts)
    lengths = [s.stop - s.start for s in slices]
    assert [row for s in slices for row in range(rows)[s]] == list(range(rows))
    assert len(lengths) == parts
    assert max(lengths) - min(lengths) <= 1
