"""A case: one fault, or a series of them, inflicted on a run, and the outcome."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from .product import KEEP_ALL, Product
from .state import differences

SLOW_ENCODER = Path(__file__).with_name("slow_encoder.py")


class CannotBeTried(Exception):
    """This machine cannot do what the case needs: the case is skipped, loudly."""


@dataclass
class Tally:
    """Counts of one case. tried: faults. survived: faults after which the run ended as it must. recomputed: committed
    tasks that ran again. where: faults by stage.
    """

    tried: int = 0
    survived: int = 0
    recomputed: int = 0
    where: Counter[str] = field(default_factory=Counter)


class References:
    """Undisturbed runs, each made once in `folder`."""

    VARIANTS: ClassVar[dict[str, dict[str, object]]] = {
        "small": {},
        "other seed": {"seed": 1},
        "pruned": {"epochs": 4, "keep": "", "method": "exact", "parts": 1, "chunk_rows": 400},
        "three": {"epochs": 3, "keep": KEEP_ALL},
        "slow": {"encoder": f'name = "{SLOW_ENCODER.name}:build"', "chunk_rows": 25},
    }
    """small: two epochs that keep everything. other seed: the same, with other bytes. pruned: four epochs, of which
    run.keep deletes files. three: three epochs of which two mine, so that files of one epoch can take the place of the
    other's. slow: with a user's encoder, see slow_encoder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def product(self, folder: Path, variant: str = "small", **settings: object) -> Product:
        """A run of this variant, not yet started. settings: as for Product."""
        product = Product(folder, self.VARIANTS[variant], **settings)  # type: ignore[arg-type]
        if variant == "slow":
            shutil.copy(SLOW_ENCODER, folder)
        return product

    def finished(self, variant: str = "small") -> Product:
        """The undisturbed run. Change only copies of it."""
        product = self.product(self._folder / variant.replace(" ", "-"), variant)
        mark = product.folder / "finished"
        if not mark.exists():
            product.finish()
            mark.touch()
        return product

    def differences(self, root: Path, variant: str = "small") -> list[str]:
        """See state.differences."""
        return differences(root, self.finished(variant).root)


@dataclass(frozen=True)
class Case:
    """kind: of fault, a line of the table. name: unique within its kind. short: whether the case is part of `make
    test`, or of `make system` if `system` is set because it needs a mount namespace or another user's rights. run:
    inflicts the fault in an empty folder. Raises: AssertionError if something was lost; CannotBeTried.
    """

    kind: str
    name: str
    run: Callable[[Path, References], Tally]
    short: bool = False
    system: bool = False
