"""The search method of a run and its parameters, as pure functions of the spec and the counts."""

from dataclasses import replace

from ...mining.defaults import default_neighbours
from ...mining.graphs.choose import Choice, choose_method
from ...mining.graphs.methods import Parameters, default_parameters
from ...mining.graphs.parameters import (
    CellsParameters,
    ExactParameters,
    HnswParameters,
    TraverseAddParameters,
)
from ..plan.refs import StageRef
from ..plan.stage import RunFacts
from ..runfile.run_spec import RunSpec

_NOMINAL_CORES = 4
"""Fixed, because the choice of method is part of the result and must not depend on the machine."""


def resolve_neighbours(spec: RunSpec, facts: RunFacts) -> int:
    """K: graph.neighbours, or the default for one part of the training split."""
    if spec.graph.neighbours is not None:
        return spec.graph.neighbours
    return default_neighbours(facts.train // spec.graph.parts)


def resolve_method(spec: RunSpec, facts: RunFacts) -> Choice:
    """The method of [graph], with "auto" resolved, and why."""
    graph = spec.graph
    if graph.method != "auto":
        return Choice(graph.method, "as the run file says")
    choice = choose_method(
        -(-facts.train // graph.parts),
        spec.encoder.embedding_dim,
        resolve_neighbours(spec, facts),
        _NOMINAL_CORES,
        None,
        reproducible=spec.run.deterministic,
        cells=facts.cells and graph.parts == 1,
    )
    if choice.method == "hnsw" and graph.warm_start:
        return Choice("traverse_add", f"{choice.why}; from the second epoch on it starts from the one before")
    return choice


def starts_warm(spec: RunSpec, facts: RunFacts, ref: StageRef) -> bool:
    """Whether the graph (traverse_add) or centres (cells) of this epoch start from those of the last one that mined."""
    if not spec.graph.warm_start or resolve_method(spec, facts).method not in ("traverse_add", "cells"):
        return False
    return ref.epoch is not None and bool(spec.mined_before(ref.epoch))


def parameters_of(spec: RunSpec, facts: RunFacts, effort: int | None = None) -> Parameters:
    """The parameters for building the index and, if `effort` is given, for searching it."""
    graph = spec.graph
    parameters = default_parameters(resolve_method(spec, facts).method, resolve_neighbours(spec, facts))
    match parameters:
        case ExactParameters():
            return graph.build(ExactParameters)
        case CellsParameters():
            return parameters if effort is None else replace(parameters, probes=effort)
        case HnswParameters():
            return graph.build(HnswParameters, ef=parameters.ef if effort is None else effort)
        case TraverseAddParameters():
            grown = replace(parameters, **graph.keys_of(TraverseAddParameters))
            return grown if effort is None else grown.with_effort(effort)
