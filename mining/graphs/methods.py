"""One set of functions for all search methods; the type of the parameters says which method is meant."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from . import hnsw
from .cells import index as cells
from .cells.index import CellsIndex
from .exact import index as exact
from .exact.index import ExactIndex
from .hnsw import HnswIndex
from .parameters import CellsParameters, ExactParameters, HnswParameters, TraverseAddParameters
from .traverse import build as traverse_add
from .traverse.build import TraverseAddIndex

Method = Literal["exact", "cells", "hnsw", "traverse_add"]
Parameters = ExactParameters | CellsParameters | HnswParameters | TraverseAddParameters
Index = ExactIndex | CellsIndex | HnswIndex | TraverseAddIndex


def default_parameters(method: str, neighbours: int) -> Parameters:
    """Default parameters for K = ``neighbours``. Raises: InputError for an unknown method."""
    match method:
        case "exact":
            return ExactParameters()
        case "cells":
            return CellsParameters()
        case "hnsw":
            return HnswParameters(ef=max(32, round(1.3 * neighbours)))
        case "traverse_add":
            return TraverseAddParameters.for_neighbours(neighbours)
    raise InputError(f"graph method {method!r} is unknown: use exact, cells, hnsw, traverse_add or auto")


def method_of(parameters: Parameters) -> Method:
    """The method that the parameters belong to."""
    match parameters:
        case ExactParameters():
            return "exact"
        case CellsParameters():
            return "cells"
        case HnswParameters():
            return "hnsw"
        case TraverseAddParameters():
            return "traverse_add"


def build_index(
    vectors: NDArray[np.float32], *, parameters: Parameters, seed: int, threads: int, first_id: int = 0
) -> Index:
    """Build an index over float32 (N, D) vectors."""
    match parameters:
        case ExactParameters():
            return exact.build(vectors, first_id=first_id, parameters=parameters)
        case CellsParameters():
            return cells.build(vectors, parameters=parameters, seed=seed, threads=threads, first_id=first_id)
        case HnswParameters():
            return hnsw.build(vectors, parameters=parameters, seed=seed, threads=threads, first_id=first_id)
        case TraverseAddParameters():
            return traverse_add.build(
                vectors, parameters=parameters, seed=seed, threads=threads, first_id=first_id
            )


def load_index(
    path: Path, vectors: NDArray[np.float32], *, parameters: Parameters, first_id: int = 0
) -> Index:
    """Open an index that ``save`` wrote, over the same vectors; exact search needs no file."""
    match parameters:
        case ExactParameters():
            return exact.build(vectors, first_id=first_id, parameters=parameters)
        case CellsParameters():
            return cells.load(path, vectors, parameters=parameters, first_id=first_id)
        case HnswParameters():
            return hnsw.load(path, vectors, parameters=parameters, first_id=first_id)
        case TraverseAddParameters():
            return traverse_add.load(path, vectors, parameters=parameters, first_id=first_id)


def with_effort(index: Index, effort: int) -> Index:
    """The same index, searched with another effort: cells to look into, or candidates to keep in a graph search.

    More effort raises recall and time. Exact search has no effort and is returned as it is.
    """
    match index:
        case ExactIndex():
            return index
        case CellsIndex():
            return index.with_parameters(replace(index.parameters, probes=effort))
        case HnswIndex():
            return index.with_parameters(replace(index.parameters, ef=effort))
        case TraverseAddIndex():
            return index.with_parameters(index.parameters.with_effort(effort))


def index_bytes(rows: int, width: int, parameters: Parameters) -> int:
    """Memory in bytes to build an index of ``rows`` × ``width`` vectors, beside the vectors."""
    match parameters:
        case ExactParameters():
            return exact.index_bytes(rows, width)
        case CellsParameters():
            return cells.index_bytes(rows, width, parameters)
        case HnswParameters():
            return hnsw.index_bytes(rows, width, parameters)
        case TraverseAddParameters():
            return traverse_add.index_bytes(rows, width, parameters)
