"""An exponential moving average of the encoder's weights."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ..encoders.checkpoints import load_encoder_state, with_prefix, without_prefix


class Average:
    """average ← d·average + (1 − d)·weights after each step; buffers are copied.

    d = min(decay, (1 + n)/(10 + n)) at step n: it grows from 0.1 to `decay`, so that the random initial weights do not
    stay in the average for 1/(1 − decay) steps.
    """

    def __init__(self, encoder: nn.Module, decay: float) -> None:
        self._decay = decay
        self._model = AveragedModel(encoder, multi_avg_fn=self._blend)  # pyright: ignore[reportArgumentType] — invariant alias

    def update(self, encoder: nn.Module) -> None:
        """Update the average with the weights after a step."""
        self._model.update_parameters(encoder)

    def state(self) -> dict[str, Tensor]:
        """The averaged weights as weights/…, and the number of steps averaged."""
        return {**with_prefix("weights/", self._model.module.state_dict()), "steps": self._model.n_averaged}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the output of `state`. If it is empty, as after loading start weights, the average starts anew."""
        if state:
            load_encoder_state(self._model.module, without_prefix("weights/", state))
            self._model.n_averaged.copy_(state["steps"])

    def _blend(self, averages: Sequence[Tensor], weights: Sequence[Tensor], steps: Tensor | int) -> None:
        decay = min(self._decay, (1 + int(steps)) / (10 + int(steps)))
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, 1 - decay)
