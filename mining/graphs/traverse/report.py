"""How a traverse-add graph came out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraverseAddReport:
    """How a graph came out. walks: how many were made to build it. arrived: share of walks between random
    pairs that reach their target in the finished graph. mean_degree: edges per vertex. warm: grown from a
    previous graph."""

    walks: int
    arrived: float
    mean_degree: float
    warm: bool
