"""The objective of training: a weighted sum of named losses."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

from torch import Tensor, nn

from ..checks import check_number
from ..errors import ModelError
from ..parameter_groups import ParameterGroup
from .loss import Loss, LossInputs


class Term(NamedTuple):
    """A loss and its weight in the sum."""

    loss: Loss
    weight: float = 1.0


class LossParts(NamedTuple):
    """The objective's value for a batch.

    total: the weighted sum to minimise, a scalar with gradient. parts: each loss before weighting, by name. teaches:
    False if the batch had nothing for any of the losses; the total is then 0.
    """

    total: Tensor
    parts: dict[str, Tensor]
    teaches: bool


class Objective(nn.Module):
    """Σ weight · loss. Its state dict holds the parameters and buffers of all losses.

    terms: by name; names are identifiers.
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        super().__init__()
        if not terms:
            raise ModelError("an objective has no terms: give at least one loss")
        for name, term in terms.items():
            check_number(f"the weight of {name}", term.weight, at_least=0.0)
        self.terms = nn.ModuleDict({name: term.loss for name, term in terms.items()})
        self.weights = {name: term.weight for name, term in terms.items()}

    def forward(self, inputs: LossInputs) -> LossParts:
        """All losses of a batch. Those that need triplets are 0 for a batch without any.

        Raises: ModelError for a loss that needs one class per row and a batch whose rows may have several.
        """
        nothing = inputs.sq_distances.sum() * 0.0  # keeps the graph
        without = inputs.picked.trained.triplets == 0
        total, parts, teaches = nothing, {}, False
        for name, loss in self._losses():
            if loss.needs_one_class and inputs.members is not None:
                raise ModelError(
                    f"loss {name} needs exactly one class per row but rows of the batch may have several: "
                    "leave it out, or give each row one class"
                )
            if without and loss.needs_triplets:
                parts[name] = nothing
                continue
            parts[name] = loss(inputs)
            total = total + self.weights[name] * parts[name]
            teaches = True
        return LossParts(total, parts, teaches)

    def parameter_groups(self) -> list[ParameterGroup]:
        """The groups of all losses. Raises: ModelError when a loss omits a parameter, or names one twice."""
        groups: list[ParameterGroup] = []
        for name, loss in self._losses():
            found = [group for group in loss.parameter_groups() if group.parameters]
            named = [id(parameter) for group in found for parameter in group.parameters]
            if sorted(named) != sorted(id(parameter) for parameter in loss.parameters()):
                raise ModelError(
                    f"the parameter groups of the loss {name} hold {len(named)} parameters but it has "
                    f"{len(list(loss.parameters()))}: name each of them once"
                )
            groups += found
        return groups

    def _losses(self) -> Iterator[tuple[str, Loss]]:
        for name, module in self.terms.items():
            yield name, cast("Loss", module)
