"""Who takes part, and how each is trained for another epoch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tripletmine.models.encoders.checkpoints import load_encoder_state, load_tensors

from . import product
from .bare_loop import BareLoop
from .data import Loaded, Task, new_encoder
from .evaluation import measured
from .peers import PEERS, PeerLoss
from .product import Sections
from .results import Epoch

ADAPTIVE = "ours, adaptive k"
NO_MINING = "ours, no mining"
STORED = "ours, stored triplets"
BOTH = "ours, stored and fresh triplets"
FIXED_K = (0.7, 0.8, 0.9, 1.0, 1.1)


@dataclass(frozen=True, slots=True)
class Training:
    """One training of a contestant: for how many epochs its schedule is made, and where it keeps its files.

    tested: numbers of the epochs, from 1, that are measured on the test split; none while a rate is searched.
    """

    task: Task
    data: Loaded
    seed: int
    learning_rate: float
    epochs: int
    tested: Sequence[int]
    folder: Path


@dataclass(frozen=True, slots=True)
class Contestant:
    """name: its row in the table. loss: makes a peer's loss; None for ours, whose run file has `overrides`.

    mines: False for ours that warms up to the end: class-balanced batches, semi-hard triplets, the same loss.
    rate_of: the contestant whose learning rate it takes over; by default its own is searched.
    minings: how often it mines while others mine once.
    """

    name: str
    loss: Callable[[int], PeerLoss] | None = None
    overrides: Sections = field(default_factory=dict)
    mines: bool = True
    rate_of: str | None = None
    minings: int = 1

    def task(self, task: Task) -> Task:
        """The task, its epochs cut so that each ends with a mining."""
        return task.cut(self.minings)

    @property
    def is_peer(self) -> bool:
        """Whether it is a peer, trained by a bare loop."""
        return self.loss is not None

    def after(self, training: Training, before: Epoch | None, number: int) -> Iterator[Epoch]:
        """Epoch `number` and all that follow it; `before`: the one before it."""
        training.folder.mkdir(parents=True, exist_ok=True)
        if self.loss is None:
            return self._ours(training, before, number)
        task = training.task
        return BareLoop(
            task,
            training.data,
            self.loss(task.images_per_class),
            learning_rate=training.learning_rate,
            seed=training.seed,
            total_epochs=training.epochs,
            tested=training.tested,
            folder=training.folder,
        ).after(before, number)

    def _ours(self, training: Training, before: Epoch | None, number: int) -> Iterator[Epoch]:
        path = training.folder / "run.toml"
        path.write_text(
            product.run_file(
                training.task,
                self.overrides,
                seed=training.seed,
                epochs=training.epochs,
                warmup_epochs=None if self.mines else training.epochs,
                learning_rate=training.learning_rate,
            )
        )
        encoder = new_encoder(training.task, training.data, training.seed)

        def test(weights: Path) -> dict[str, float]:
            load_encoder_state(encoder, load_tensors(weights)[0])
            return measured(encoder, training.data, "test")

        return product.after(path, before, number, test=test, tested=training.tested)


def _fixed_k(k: float) -> Contestant:
    mine = {"hardness": "linear", "k_start": k, "k_end": k}
    return Contestant(f"ours, k = {k}", overrides={"mine": mine}, rate_of=ADAPTIVE)


_OFTEN = 4
"""How often stored triplets are mined while others mine once: about the default, once in 0.4 passes over the rows."""

_STORED: Sections = {"train": {"batches": "triplets"}}
_STORED_OFTEN: Sections = {"train": {"batches": "triplets", "warmup_epochs": _OFTEN}}
_FARTHEST: Sections = {"mine": {"order": "farthest"}}


def _weights(*losses: str) -> Sections:
    return {"loss.weights": dict.fromkeys(losses, 1)}


def _tried(name: str, loss: str, *beside: str) -> Contestant:
    """Stored triplets with a loss of `tried`."""
    library = {"factory": f"{__package__}.tried:{loss}"}
    overrides = {**_STORED_OFTEN, **_weights(*beside, "library"), "loss.library": library}
    return Contestant(f"ours, stored triplets, {name}", overrides=overrides, rate_of=STORED, minings=_OFTEN)


CONTESTANTS: Mapping[str, Contestant] = {
    contestant.name: contestant
    for contestant in (
        *(Contestant(name, loss) for name, loss in PEERS.items()),
        Contestant(NO_MINING, mines=False),
        Contestant("ours, stored, farthest first", overrides={**_STORED, **_FARTHEST, **_weights("triplet")}),
        Contestant(
            "ours, stored, farthest first + global loss",
            overrides={**_STORED, **_FARTHEST, "loss": {"global_over": "triplets"}},
        ),
        Contestant(STORED, overrides=_STORED_OFTEN, minings=_OFTEN),
        Contestant(BOTH, overrides={**_STORED_OFTEN, "loss": {"triplets": "both"}}, minings=_OFTEN),
        _tried("t from the gap", "GlobalBeyondGap", "triplet"),
        _tried("memory of 8,192 rows", "Memory", "triplet", "global"),
        Contestant(ADAPTIVE),
        *map(_fixed_k, FIXED_K),
    )
}
"""Name → contestant, in the order of the table."""
