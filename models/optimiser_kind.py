"""Names of the optimisers. A module of its own, since settings must not import torch."""

from typing import Literal

OptimiserKind = Literal["adamw", "adam", "sgd"]
