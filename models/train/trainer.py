"""The trainer, which makes one training step at a time."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..batches.batch import Batch
from ..checks import check_count
from ..distances import pairwise_sq_distances
from ..encoders.checkpoints import load_encoder_state, load_objective_state, with_prefix, without_prefix
from ..errors import ModelError
from ..losses.loss import LossInputs, RankedPairs
from ..losses.objective import Objective
from ..memory import memory_errors
from ..parameter_groups import encoder_group
from ..rules.in_batch import BatchRule, InBatch
from .averaging import Average
from .encoder_pass import Embedded, EncoderPass, seeded
from .failures import check_gradient, finite_losses
from .optimisers import Optimiser
from .processes import ALONE, Processes
from .schedules import learning_rate
from .settings import TrainerSettings


@dataclass(frozen=True, slots=True)
class StepRecord:
    """Record of a step. step: number in the whole run, from 0. images: number of images in the batch.

    loss: the objective, before the weights were updated. losses: its parts by name, before weighting.
    triplets: number of triplets trained on.
    active_share: share of the pairs (a, p) considered, or of the stored triplets, that are active.
    updated: False if the batch had nothing to learn from, so that weights and optimiser were not changed.
    """

    step: int
    images: int
    loss: float
    losses: Mapping[str, float]
    triplets: int
    active_share: float
    learning_rate: float
    updated: bool

    def as_line(self) -> dict[str, Any]:
        """The record as a flat dictionary for JSON, with the parts of the loss as "loss/<name>"."""
        line = asdict(self)
        parts = line.pop("losses")
        return line | {f"loss/{name}": value for name, value in parts.items()}


_LOSS = 1
"""Part of the losses' seed, which makes their random numbers differ from the encoder's."""


class Trainer:
    """An encoder with its objective, optimiser and batch rule; everything that changes is in `state()`.

    The learning rate and the random numbers of a step (such as dropout) depend on the step's number. So a trainer that
    loads another's state continues with the same bits.

    objective: the losses, whose own parameters are trained, too. rule: selects the triplets of a batch. total_steps: of
    the whole run, for the schedule. seed: of the run. processes: all of them make the same steps, each with its share
    of the images.

    With several processes, each computes the loss of all B rows from the features of all, and backpropagates the
    gradient of its own rows into the encoder; the sum over the processes is the gradient of the whole batch.
    """

    def __init__(
        self,
        encoder: nn.Module,
        objective: Objective,
        rule: BatchRule,
        settings: TrainerSettings,
        *,
        total_steps: int,
        seed: int,
        device: str | torch.device = "cpu",
        processes: Processes = ALONE,
    ) -> None:
        check_count("total_steps", total_steps)
        self._device = torch.device(device)
        layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.encoder = encoder.to(self._device).train()
        # torch's stubs have no overload for a layout alone.
        self.encoder.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
        self.objective = objective.to(self._device).train()
        self._settings = settings
        self._rule = rule
        self._encode = EncoderPass(
            self.encoder,
            forward=torch.compile(self.encoder) if settings.compile else self.encoder,
            device=self._device,
            layout=layout,
            autocast=settings.autocast,
            seed=seed,
        )
        parts = {"encoder": self.encoder, "objective": self.objective}
        named = {
            f"{part}/{name}": parameter
            for part, module in parts.items()
            for name, parameter in module.named_parameters()
        }
        groups = [encoder_group(self.encoder), *self.objective.parameter_groups()]
        self._optimiser = Optimiser(named, groups, settings.optimiser)
        self._average = None if settings.ema_decay is None else Average(self.encoder, settings.ema_decay)
        self._total_steps = total_steps
        self._seed = seed
        self._processes = processes
        self._step = 0

    @property
    def step_number(self) -> int:
        """Number of steps made since the start of the run, which is the number of the next step."""
        return self._step

    def step(self, batch: Batch, images: Tensor) -> StepRecord:
        """Train on one batch.

        images: float32 (b, …), augmented, in the order of batch.rows; only this process's share of the batch.

        Raises: ModelError when the loss or its gradient is not finite (naming step and rows), or memory runs out
        (naming what to lower). The weights are then unchanged.
        """
        schedule = self._settings.schedule
        share = learning_rate(schedule, base=1.0, step=self._step, total_steps=self._total_steps)
        with memory_errors(f"training on {len(batch)} images at once", self._memory_key()):
            embedded = self._embed(batch, images)
            inputs = self._inputs(embedded.features, batch)
            with seeded(self._device, self._seed, self._step, 0, _LOSS):
                parts = self.objective(inputs)
            total, losses = finite_losses(parts, inputs.features, step=self._step, rows=batch.rows)
            if parts.teaches:
                self._update(parts.total, inputs.features, embedded, share, batch)
        picked = inputs.picked
        record = StepRecord(
            step=self._step,
            images=len(batch),
            loss=total,
            losses=losses,
            triplets=picked.trained.triplets,
            active_share=picked.pairs_used / max(1, picked.pairs),
            learning_rate=self._settings.optimiser.learning_rate * share,
            updated=parts.teaches,
        )
        self._step += 1
        return record

    def state(self) -> dict[str, Tensor]:
        """Copies, on the CPU, of all state: encoder/…, objective/…, optimiser/…, average/… and the step."""
        state = with_prefix("encoder/", self.encoder.state_dict())
        state |= with_prefix("objective/", self.objective.state_dict())
        state |= with_prefix("optimiser/", self._optimiser.state())
        if self._average is not None:
            state |= with_prefix("average/", self._average.state())
        state["step"] = torch.tensor(self._step)
        return {name: value.detach().to("cpu", copy=True) for name, value in state.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the output of `state()`. Raises: ModelError when it does not fit this encoder or objective."""
        if "step" not in state:
            raise ModelError(
                "the training state has no 'step': it is not one of ours, or damaged; start the epoch again"
            )
        load_encoder_state(self.encoder, without_prefix("encoder/", state))
        load_objective_state(self.objective, without_prefix("objective/", state))
        self._optimiser.load_state(without_prefix("optimiser/", state))
        if self._average is not None:
            self._average.load_state(without_prefix("average/", state))
        self._step = int(state["step"])

    def _embed(self, batch: Batch, images: Tensor) -> Embedded:
        rows = self._processes.share(len(batch))
        if len(images) != rows.stop - rows.start:
            raise ModelError(
                f"step {self._step} got {len(images)} images but rows {rows.start} to {rows.stop} of the batch are "
                "this process's: load these"
            )
        # The same number of pieces in every process: a layer of the encoder may wait for the other processes.
        widest = -(-len(batch) // self._processes.count)
        pieces = -(-widest // (self._settings.embed_rows or widest))
        return self._encode(images, step=self._step, first=rows.start, pieces=min(pieces, len(images)))

    def _inputs(self, features: Tensor, batch: Batch) -> LossInputs:
        """The losses' inputs: all rows of the batch, and its triplets. The features are the leaf of the graph."""
        features = self._processes.gathered(features, len(batch)).requires_grad_()
        embeddings = functional.normalize(features) if self._settings.normalise else features
        sq_distances = pairwise_sq_distances(embeddings)
        classes = torch.from_numpy(batch.classes).to(self._device, torch.int64)
        rows = torch.from_numpy(batch.rows).to(self._device)
        stored = None if batch.triplets is None else torch.from_numpy(batch.triplets).to(self._device)
        members = None if batch.members is None else torch.from_numpy(batch.members).to(self._device)
        codes = None if batch.codes is None else torch.from_numpy(batch.codes).to(self._device)
        with torch.no_grad():
            picked = self._rule(InBatch(sq_distances.detach(), classes, rows, stored, members))
        return LossInputs(
            features, embeddings, sq_distances, classes, picked, members, codes, self._ranked(batch)
        )

    def _ranked(self, batch: Batch) -> RankedPairs | None:
        if batch.ranked is None:
            return None
        parts = (batch.ranked.pairs, batch.ranked.alike, batch.ranked.values)
        return RankedPairs(*(torch.from_numpy(part).to(self._device) for part in parts))

    def _update(self, loss: Tensor, features: Tensor, embedded: Embedded, share: float, batch: Batch) -> None:
        self._optimiser.zero_grad()
        loss.backward()
        gradient = torch.zeros_like(features) if features.grad is None else features.grad
        embedded.backward(gradient[self._processes.share(len(batch))])
        self._agree()
        limit = self._settings.optimiser.clip_norm
        norm = nn.utils.clip_grad_norm_(self.encoder.parameters(), limit or torch.inf)
        try:
            own = nn.utils.get_total_norm(gradients_of(self.objective))
            check_gradient(norm + own.to(norm.device), step=self._step, rows=batch.rows)
        except ModelError:
            self._optimiser.zero_grad()
            raise
        self._optimiser.step(share)
        if self._average is not None:
            self._average.update(self.encoder)

    def _agree(self) -> None:
        """Make gradients equal in all processes.

        Each process has the encoder's gradient from its own rows only, so these are summed; it has that of the losses
        from all rows, so these are averaged.
        """
        self._processes.add_up(gradients_of(self.encoder))
        own = gradients_of(self.objective)
        for gradient in own:
            gradient.div_(self._processes.count)
        self._processes.add_up(own)

    def _memory_key(self) -> str:
        if self._settings.embed_rows is None:
            return "embed_rows below that (the batch is then embedded in pieces)"
        return f"embed_rows (now {self._settings.embed_rows}), or images_per_class"


def gradients_of(module: nn.Module) -> list[Tensor]:
    """The gradients of parameters that have one, in the order of `parameters()`."""
    return [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
