"""Report on the build of a traverse-add graph."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraverseAddReport:
    """Report on a build. walks: number of walks made. arrived: share of walks between random pairs that reach their
    target in the finished graph. mean_degree: mean number of edges per vertex. warm: started from a previous graph."""

    walks: int
    arrived: float
    mean_degree: float
    warm: bool
