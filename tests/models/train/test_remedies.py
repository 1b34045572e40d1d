"""The remedies named in the messages of training work."""

import sys
from importlib.metadata import requires
from types import ModuleType

import numpy as np
import pytest
import torch
from remedies import Refusal
from torch import Tensor, nn
from tripletmine.models.batches.batch import Batch
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.settings import BatchShape
from tripletmine.models.encoders.encode import encode
from tripletmine.models.encoders.timm_encoder import timm_encoder
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.library import library_loss
from tripletmine.models.losses.objective import Objective, Term
from tripletmine.models.losses.settings import LibrarySettings
from tripletmine.models.losses.triplet import TripletLoss
from tripletmine.models.rules.in_batch import SemiHard
from tripletmine.models.train.frozen import freeze_backbone
from tripletmine.models.train.metric_logs import require_logs
from tripletmine.models.train.process_group import shared_statistics
from tripletmine.models.train.processes import Processes
from tripletmine.models.train.settings import OptimiserSettings, ScheduleSettings, TrainerSettings
from tripletmine.models.train.trainer import Trainer

CODES = np.repeat(np.arange(4), 6).astype(np.int32)
VECTORS = torch.randn(24, 8, generator=torch.Generator().manual_seed(0))
BROKEN = torch.where(torch.arange(24)[:, None] % 6 == 3, torch.nan, VECTORS)
WIDE = BatchShape(4, 4)
AT_ONCE = ScheduleSettings(warmup_steps=0)


class Hungry(nn.Module):
    """An encoder that runs out of memory on more than `rows` rows."""

    def __init__(self, rows: int, error: Exception) -> None:
        super().__init__()
        self.layer, self.rows, self.error = nn.Linear(8, 4), rows, error

    def forward(self, items: Tensor) -> Tensor:
        if len(items) > self.rows:
            raise self.error
        return self.layer(items)


class Cliff(nn.Module):
    """The root of small differences, which bfloat16 rounds to zero, where the slope is infinite."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, items: Tensor) -> Tensor:
        return (self.layer(items * 1e-3 + 1.0) - self.layer(torch.ones_like(items))).abs().sqrt()


def trainer(encoder: nn.Module | None = None, **settings: object) -> Trainer:
    """A linear layer, or another encoder, and a triplet loss."""
    torch.manual_seed(0)
    return Trainer(
        encoder or nn.Linear(8, 4),
        Objective({"triplet": Term(TripletLoss(0.2))}),
        SemiHard(0.2),
        TrainerSettings(**settings),  # pyright: ignore[reportArgumentType]
        total_steps=5,
        seed=0,
    )


def train(
    learner: Trainer, vectors: Tensor = VECTORS, shape: BatchShape = WIDE, codes: np.ndarray = CODES
) -> None:
    """Train for five steps."""
    batches = ClassBalanced(codes, shape=shape, images=5 * shape.images, seed=0, epoch=0)
    for batch in batches.batches():
        learner.step(batch, vectors[batch.rows])


def at_rate(learning_rate: float) -> OptimiserSettings:
    """Gradient descent without clipping."""
    return OptimiserSettings(optimiser="sgd", learning_rate=learning_rate, clip_norm=0.0)


KEPT = torch.from_numpy(np.flatnonzero(np.arange(24) % 6 != 3))
BATCH = Batch(np.arange(8), CODES[:8])
OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory")
CPU_ALLOCATOR = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes")


def encoded(error: Exception, batch_rows: int) -> object:
    """Embeddings by an encoder that takes at most 4 rows."""
    return encode(Hungry(4, error), VECTORS.numpy(), normalise=True, batch_rows=batch_rows)


def resumed(*, kept: tuple[str, ...] = (), kind: nn.Module | None = None) -> None:
    """Resume from another trainer's state, of which only entries whose names begin with `kept` are left."""
    first = trainer()
    train(first)
    state = {name: value for name, value in first.state().items() if not kept or name.startswith(kept)}
    trainer(kind).load_state(state)


def partly_frozen() -> nn.Module:
    """A layer whose bias is frozen."""
    layer = nn.Linear(8, 4)
    layer.bias.requires_grad_(False)
    return layer


def deep() -> nn.Sequential:
    """Two layers."""
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


CPU = torch.device("cpu")

REFUSALS = {
    "rows with NaN": Refusal(
        lambda: train(trainer(), BROKEN),
        "repair or drop these rows",
        lambda: train(trainer(), BROKEN.nan_to_num()),
        lambda: train(trainer(), BROKEN[KEPT], codes=CODES[KEPT]),
    ),
    "a learning rate that is too high": Refusal(
        lambda: train(trainer(optimiser=at_rate(1e30), schedule=AT_ONCE, normalise=False)),
        "or lower learning_rate",
        lambda: train(trainer(optimiser=at_rate(0.1), schedule=AT_ONCE, normalise=False)),
    ),
    "a gradient that bfloat16 makes infinite": Refusal(
        lambda: train(trainer(Cliff(), autocast=True)),
        "or train without autocast",
        lambda: train(trainer(Cliff())),
    ),
    **{
        f"memory of {type(error).__name__}": Refusal(
            lambda error=error: encoded(error, 8), "lower batch_rows", lambda error=error: encoded(error, 4)
        )
        for error in (OUT_OF_MEMORY, MemoryError(), CPU_ALLOCATOR)
    },
    "memory in training": Refusal(
        lambda: train(trainer(Hungry(4, OUT_OF_MEMORY))),
        "lower embed_rows below that (the batch is then embedded in pieces)",
        lambda: train(trainer(Hungry(4, OUT_OF_MEMORY), embed_rows=4)),
    ),
    "memory in pieces": Refusal(
        lambda: train(trainer(Hungry(8, OUT_OF_MEMORY), embed_rows=16)),
        "lower embed_rows (now 16), or images_per_class",
        lambda: train(trainer(Hungry(8, OUT_OF_MEMORY), embed_rows=8)),
        lambda: train(trainer(Hungry(8, OUT_OF_MEMORY), embed_rows=16), shape=BatchShape(4, 2)),
    ),
    "a state without its step": Refusal(
        lambda: resumed(kept=("encoder/", "objective/", "optimiser/")),
        "start the epoch again",
        lambda: train(trainer()),
    ),
    "a state of what is frozen now": Refusal(
        lambda: resumed(kind=partly_frozen()), "set encoder and loss as they were", resumed
    ),
    "images of others": Refusal(
        lambda: trainer().step(BATCH, VECTORS[:5]),
        "rows 0 to 8 of the batch are this process's: load these",
        lambda: trainer().step(BATCH, VECTORS[:8]),
    ),
    "fewer rows than processes": Refusal(
        lambda: Processes(0, 4).share(3),
        "lower it, or compose larger batches",
        lambda: Processes(0, 3).share(3),
        lambda: Processes(0, 4).share(4),
    ),
    "BatchNorm on the CPU": Refusal(
        lambda: shared_statistics(nn.Sequential(nn.BatchNorm1d(4)), CPU),
        "use GroupNorm, or set processes = 1",
        lambda: shared_statistics(nn.Sequential(nn.GroupNorm(1, 4)), CPU),
        lambda: train(trainer(nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4)))),
    ),
    "a head that there is not": Refusal(
        lambda: freeze_backbone(deep(), "fc"), "name one of 0, 1, 2", lambda: freeze_backbone(deep(), "2")
    ),
    "a head without weights": Refusal(
        lambda: freeze_backbone(deep(), "1"),
        "name another module, or freeze nothing (frozen_epochs = 0)",
        lambda: freeze_backbone(deep(), "0"),
        lambda: train(trainer()),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(ModelError)


def loss_of_library() -> object:
    """A loss of pytorch-metric-learning."""
    name = "pytorch_metric_learning.losses:ContrastiveLoss"
    return library_loss(name, classes=4, width=4, settings=LibrarySettings())


def image_model() -> object:
    """An encoder of timm."""
    return timm_encoder("tiny", input_shape=(3, 8, 8), embedding_dim=4)


@pytest.mark.parametrize(
    ("module", "extra", "call"),
    [
        ("pytorch_metric_learning", "metric-learning", loss_of_library),
        ("timm", "timm", image_model),
        *(
            (log, log, lambda log=log: require_logs([log]))
            for log in ("tensorboard", "mlflow", "wandb", "trackio")
        ),
    ],
)
def test_an_extra_that_is_not_installed_is_one_that_pip_knows(
    module: str, extra: str, call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module is missing at first, and is there later."""
    of_extra = [line for line in requires("tripletmine") or [] if f'extra == "{extra}"' in line]
    assert any(line.startswith(module.replace("_", "-")) for line in of_extra)

    def install() -> None:
        monkeypatch.undo()
        if module in {"timm", "mlflow", "trackio"}:  # which the tests do without
            stand_in = ModuleType(module)
            stand_in.__dict__["create_model"] = lambda *_, **__: nn.Flatten()
            monkeypatch.setitem(sys.modules, module, stand_in)
        call()

    for name in [name for name in sys.modules if name.partition(".")[0] == module] or [module]:
        monkeypatch.setitem(sys.modules, name, None)
    Refusal(call, f"pip install 'tripletmine[{extra}]'", install).require(ModelError)
    require_logs([])
