"""Greedy walks between random pairs of vertices, on a frozen graph. Compiled.

Harwood & Drummond, CVPR 2016, section 4 (traverse-add): a walk steps along the edge whose end is nearest to the target,
as long as that brings it nearer. Where it stops short of the target, an edge from there to the target is missing.
"""

import numpy as np
from numba import njit, uint64

from ...compute.distances import sq_distance


@njit(nogil=True, cache=True)
def walk(vectors, edges, seed, first_trial, sources, targets, start, stop):
    """Make the walks start..stop. Walk i draws its pair from (seed, first_trial + i) alone.

    For each walk, writes its target to ``targets`` (int32), and to ``sources`` (int32) the vertex where it stopped, or
    −1 if it arrived: at the target, or at a row with an equal vector.
    """
    rows = uint64(vectors.shape[0])
    for trial in range(start, stop):
        counter = uint64(2) * uint64(first_trial + trial)
        here = np.int32(_hashed(uint64(seed), counter) % rows)
        target = np.int32(_hashed(uint64(seed), counter + uint64(1)) % rows)
        sq = sq_distance(vectors[here], vectors[target])
        moved = True
        while moved and sq > 0.0:
            moved = False
            for step in edges[here]:
                if step < 0:
                    break
                step_sq = sq_distance(vectors[step], vectors[target])
                if step_sq < sq:
                    sq = step_sq
                    here = step
                    moved = True
        targets[trial] = target
        sources[trial] = -1 if sq == 0.0 else here


@njit(nogil=True, cache=True, inline="always")
def _hashed(seed, counter):
    """splitmix64 (Steele, Lea & Flood, OOPSLA 2014): a random number for each counter."""
    z = seed * uint64(0xD1342543DE82EF95) + (counter + uint64(1)) * uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))
