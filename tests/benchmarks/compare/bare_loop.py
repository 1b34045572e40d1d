"""A peer's training: a bare loop over images in memory, with the product's encoder, optimiser and augmentation."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from pytorch_metric_learning.samplers import MPerClassSampler
from pytorch_metric_learning.utils import common_functions
from torch import nn
from tripletmine.models.images.settings import AugmentSettings
from tripletmine.models.images.transforms import UNSCALED, TrainTransform
from tripletmine.models.train.schedules import learning_rate
from tripletmine.models.train.settings import ScheduleSettings
from tripletmine.pipeline.runfile.load import parse_spec

from .data import Loaded, Task, new_encoder
from .evaluation import measured
from .peers import PeerLoss
from .results import Epoch


class BareLoop:
    """One peer with one seed. Optimiser, schedule and clipping are the defaults of [train], as for ours.

    total_epochs: for the schedule. tested: numbers of the epochs, from 1, that are measured on the test split, too.
    folder: for weights and optimiser after each epoch, from which an interrupted comparison continues.
    """

    def __init__(
        self,
        task: Task,
        data: Loaded,
        loss: PeerLoss,
        *,
        learning_rate: float,
        seed: int,
        total_epochs: int,
        tested: Sequence[int],
        folder: Path,
    ) -> None:
        self._task, self._data, self._loss, self._seed, self._tested = task, data, loss, seed, tested
        self._defaults = parse_spec({"data": task.data}, base=Path()).train
        self._schedule = ScheduleSettings(self._defaults.schedule, self._defaults.warmup_steps)
        self._learning_rate = learning_rate
        self._encoder = new_encoder(task, data, seed)
        self._encoder.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._optimiser = self._new_optimiser()
        self._steps = round(task.images_per_epoch / task.batch_images)
        self._total_steps = self._steps * total_epochs
        self._folder = folder

    def after(self, before: Epoch | None, number: int) -> Iterator[Epoch]:
        """Epoch `number` and all that follow it; `before`: the one before it."""
        if before is not None:
            self._restore(number)
        for epoch in range(number, self._total_steps // self._steps):
            started, cpu_started = time.perf_counter(), time.process_time()
            images = self._train(epoch)
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
            self._keep(epoch + 1)
            before = Epoch(
                images=images + (before.images if before else 0),
                seconds=seconds + (before.seconds if before else 0.0),
                cpu_seconds=cpu_seconds + (before.cpu_seconds if before else 0.0),
                validation=measured(self._encoder, self._data, "validation"),
                test=measured(self._encoder, self._data, "test") if epoch + 1 in self._tested else None,
            )
            yield before

    def _train(self, epoch: int) -> int:
        """One epoch; returns how many images it showed."""
        train, classes = self._data.images["train"], self._data.classes["train"]
        # The library's sampler draws from this generator only.
        common_functions.NUMPY_RANDOM = np.random.RandomState([self._seed, epoch])
        torch.manual_seed(self._seed * 1000 + epoch)
        sampler = MPerClassSampler(
            classes,
            m=self._task.images_per_class,
            batch_size=self._task.batch_images,
            length_before_new_iter=self._steps * self._task.batch_images,
        )
        rows = np.fromiter(sampler, np.int64).reshape(self._steps, -1)
        transform = TrainTransform(UNSCALED, AugmentSettings(), seed=epoch)
        self._encoder.train()
        for step, batch in enumerate(rows):
            images = transform(train[batch], step).contiguous(memory_format=torch.channels_last)
            loss = self._loss(self._encoder(images), torch.from_numpy(classes[batch]).long())
            self._update(loss, epoch * self._steps + step)
        return rows.size

    def _new_optimiser(self) -> torch.optim.Optimizer:
        """AdamW that decays the weights of convolutions and of the last layer, but no bias and no norm."""
        every = list(self._encoder.parameters())
        decay = self._defaults.weight_decay
        return torch.optim.AdamW(
            [
                {"params": [weights for weights in every if weights.ndim >= 2], "weight_decay": decay},
                {"params": [weights for weights in every if weights.ndim < 2], "weight_decay": 0.0},
            ],
            lr=self._learning_rate,
        )

    def _update(self, loss: torch.Tensor, step: int) -> None:
        rate = learning_rate(
            self._schedule, base=self._learning_rate, step=step, total_steps=self._total_steps
        )
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._encoder.parameters(), self._defaults.clip_norm or torch.inf)
        self._optimiser.step()

    def _keep(self, epochs: int) -> None:
        state = {"encoder": self._encoder.state_dict(), "optimiser": self._optimiser.state_dict()}
        torch.save(state, self._folder / f"after-{epochs}.pt")

    def _restore(self, epochs: int) -> None:
        state = torch.load(self._folder / f"after-{epochs}.pt")
        self._encoder.load_state_dict(state["encoder"])
        self._optimiser.load_state_dict(state["optimiser"])
