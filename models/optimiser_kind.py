"""The optimisers there are, for settings that may not import torch and groups of parameters that do."""

from typing import Literal

OptimiserKind = Literal["adamw", "adam", "sgd"]
