"""Random label sets, and what the slow oracles need of them."""

import numpy as np
import torch


def random_sets(rows, classes=5, seed=0, most=3):
    """One set of class codes per row; about a third of the rows have only one class."""
    generator = np.random.default_rng(seed)
    return [
        frozenset(generator.choice(classes, generator.integers(1, most + 1), replace=False).tolist())
        for _ in range(rows)
    ]


def first_of(sets):
    """int64 (B,): the lowest code of each set."""
    return torch.tensor([min(each) for each in sets])


def codes_of(sets):
    """int64 (M,): the classes that occur, ascending."""
    return torch.tensor(sorted(frozenset().union(*sets)))


def members_of(sets):
    """bool (B, M), a column for each class that occurs."""
    return torch.tensor([[code in each for code in codes_of(sets).tolist()] for each in sets])


def triplets_of(sets):
    """All (a, p, n), by three loops: a and p share a class, a and n do not."""
    places = range(len(sets))
    return [
        (a, p, n)
        for a in places
        for p in places
        for n in places
        if a != p and sets[a] & sets[p] and not sets[a] & sets[n]
    ]


def as_row_classes(sets):
    """The sets as the batches take them."""
    from tripletmine.models.row_classes import RowClasses

    members = [code for each in sets for code in sorted(each)]
    offsets = np.cumsum([0, *map(len, sets)])
    return RowClasses(np.array(members, np.int32), offsets.astype(np.int64))
