"""One training step at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .batch_rules import BatchRule, InBatch
from .batches.batch import Batch
from .batches.mined_filter import MinedFilter
from .checks import check_count
from .distances import pairwise_sq_distances
from .errors import ModelError
from .losses.triplet_global import LossParts, LossSettings, TripletGlobalLoss
from .memory import memory_errors
from .optimisers import OptimiserSettings, build_optimiser, load_optimiser_state, optimiser_state
from .schedules import ScheduleSettings, learning_rate
from .seeds import torch_seed
from .states import load_encoder_state, with_prefix, without_prefix


@dataclass(frozen=True, slots=True)
class TrainerSettings:
    """How weights are changed; see the parts.

    normalise: L2-normalise embeddings before the loss. autocast: bfloat16 inside the encoder; the loss is
    float32.
    channels_last: memory layout of images and weights; on a CPU it trains a convnet up to 1.6 times as fast.
    """

    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    normalise: bool = True
    autocast: bool = False
    channels_last: bool = True


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step did.

    step: of the whole run, from 0. images: in the batch.
    loss, triplet_loss, global_loss: of the trained triplets, before the weights were changed.
    triplets: trained.
    active_share: share of the pairs (a, p) looked at, or of the stored triplets, that still gave a gradient.
    mined_share: share of the trained triplets (of a sample of them) that had been mined; None if unknown.
    updated: False when the batch held no triplet, and weights and optimiser were left alone.
    """

    step: int
    images: int
    loss: float
    triplet_loss: float
    global_loss: float
    triplets: int
    active_share: float
    mined_share: float | None
    learning_rate: float
    updated: bool


class Trainer:
    """An encoder, its optimiser and a batch rule; everything that changes is in `state()`.

    The learning rate and the random numbers of a step (dropout in a user's encoder) follow from the step's
    number, so that a trainer that loads the state of another one continues with the same bits.

    rule: picks the triplets of a batch: `SemiHard`, `WithinBoundary` or `Stored`.
    total_steps: of the whole run, for the schedule. seed: of the run. mined: to report the share of mined
    triplets.
    """

    def __init__(
        self,
        encoder: nn.Module,
        rule: BatchRule,
        settings: TrainerSettings,
        *,
        total_steps: int,
        seed: int,
        device: str | torch.device = "cpu",
        mined: MinedFilter | None = None,
    ) -> None:
        check_count("total_steps", total_steps)
        self._device = torch.device(device)
        self._layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.encoder = encoder.to(self._device).train()
        # torch's stubs have no overload for a layout alone.
        self.encoder.to(memory_format=self._layout)  # pyright: ignore[reportCallIssue]
        self._settings = settings
        self._rule = rule
        self._loss = TripletGlobalLoss(settings.loss)
        self._optimiser = build_optimiser(self.encoder, settings.optimiser)
        self._total_steps = total_steps
        self._seed = seed
        self._mined = mined
        self._step = 0

    @property
    def step_number(self) -> int:
        """Steps done since the beginning of the run: the number of the next one."""
        return self._step

    def step(self, batch: Batch, images: Tensor) -> StepRecord:
        """Train on one batch.

        images: float32 (B, …) as the encoder takes them, augmented, in the order of batch.rows.
        Raises ModelError, with the weights as they were before, when the loss or its gradient is not finite
        (naming the step and the rows), and when memory runs out (naming what to lower).
        """
        rate = learning_rate(
            self._settings.schedule,
            base=self._settings.optimiser.learning_rate,
            step=self._step,
            total_steps=self._total_steps,
        )
        with memory_errors(f"training on {len(batch)} images at once", "train.batch"):
            embeddings = self._embed(images)
            sq_distances = pairwise_sq_distances(embeddings)
            classes = torch.from_numpy(batch.classes).to(self._device, torch.int64)
            rows = torch.from_numpy(batch.rows).to(self._device)
            stored = None if batch.triplets is None else torch.from_numpy(batch.triplets).to(self._device)
            with torch.no_grad():
                picked = self._rule(InBatch(sq_distances.detach(), classes, rows, stored))
            parts = self._loss(sq_distances, picked.trained, picked.active)
            values = self._checked(parts, embeddings, batch)
            updated = picked.trained.triplets > 0
            if updated:
                self._update(parts.total, rate, batch)
        record = StepRecord(
            step=self._step,
            images=len(batch),
            loss=values[0],
            triplet_loss=values[1],
            global_loss=values[2],
            triplets=picked.trained.triplets,
            active_share=picked.pairs_used / max(1, picked.pairs),
            mined_share=self._mined_share(batch, picked.sample),
            learning_rate=rate,
            updated=updated,
        )
        self._step += 1
        return record

    def state(self) -> dict[str, Tensor]:
        """Copies of all that changes: encoder/…, optimiser/… and the number of steps, on the CPU."""
        state = with_prefix("encoder/", self.encoder.state_dict())
        state |= with_prefix("optimiser/", optimiser_state(self._optimiser, self.encoder))
        state["step"] = torch.tensor(self._step)
        return {name: value.detach().to("cpu", copy=True) for name, value in state.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what `state()` gave. Raises ModelError when it does not fit this encoder."""
        if "step" not in state:
            raise ModelError(
                "the training state has no 'step': it is not one of ours, or damaged; start the epoch again"
            )
        load_encoder_state(self.encoder, without_prefix("encoder/", state))
        load_optimiser_state(self._optimiser, self.encoder, without_prefix("optimiser/", state))
        self._step = int(state["step"])

    def _embed(self, images: Tensor) -> Tensor:
        images = images.to(self._device, non_blocking=True)
        if images.ndim == 4:
            images = images.contiguous(memory_format=self._layout)
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(torch_seed(self._seed, self._step))
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._settings.autocast):
                embeddings = self.encoder(images)
        embeddings = embeddings.float()
        return functional.normalize(embeddings) if self._settings.normalise else embeddings

    def _update(self, loss: Tensor, rate: float, batch: Batch) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        limit = self._settings.optimiser.clip_norm
        norm = nn.utils.clip_grad_norm_(self.encoder.parameters(), limit or torch.inf)
        if not bool(torch.isfinite(norm)):
            self._optimiser.zero_grad(set_to_none=True)
            raise ModelError(
                f"the gradient of step {self._step} is {norm.item()} (rows {_some(batch.rows)}): "
                "lower train.learning_rate, or switch train.autocast off; the weights are those of the "
                "step before"
            )
        self._optimiser.step()

    def _checked(self, parts: LossParts, embeddings: Tensor, batch: Batch) -> list[float]:
        """The three losses as numbers, from one transfer; refused unless they and all embeddings are finite."""
        finite = torch.isfinite(embeddings).all()
        total, triplet, spread, embedded = torch.stack(
            [*(part.detach() for part in parts), finite.float()]
        ).tolist()
        if not (np.isfinite(total) and embedded):
            bad = (~torch.isfinite(embeddings).all(dim=1)).cpu().numpy()
            rows = batch.rows[bad] if bad.any() else batch.rows
            raise ModelError(
                f"the loss of step {self._step} is {total if embedded else float('nan')} (rows {_some(rows)}): "
                "look at these rows, or lower train.learning_rate; the weights are those of the step before"
            )
        return [total, triplet, spread]

    def _mined_share(self, batch: Batch, sample: Tensor) -> float | None:
        if self._mined is None or len(sample) == 0:
            return None
        return float(self._mined.contains(batch.rows[sample.cpu().numpy()]).mean())


def _some(rows: np.ndarray, shown: int = 8) -> str:
    names = ", ".join(map(str, rows[:shown].tolist()))
    return names if len(rows) <= shown else f"{names}, … of {len(rows)}"
