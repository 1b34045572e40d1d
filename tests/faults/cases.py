"""A case: one fault, or a series of them, done to one run; and what came of it."""

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
    """tried: faults. survived: of them, those after which the run ended as it must. recomputed: committed tasks.

    where: at which stage the faults struck.
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
    """small: two epochs that keep everything. other seed: the same, with other bytes. pruned: four epochs, in which
    run.keep deletes. three: two of three epochs mine, so that files of one epoch can be taken for those of another.
    slow: with a user's encoder, see slow_encoder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def product(self, folder: Path, variant: str = "small", **settings: object) -> Product:
        """A run of this variant that has not begun. settings: of Product."""
        product = Product(folder, self.VARIANTS[variant], **settings)  # type: ignore[arg-type]
        if variant == "slow":
            shutil.copy(SLOW_ENCODER, folder)
        return product

    def finished(self, variant: str = "small") -> Product:
        """The undisturbed run. Look at it, and change only copies."""
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
    """kind: of fault, a line of the table. name: of this case, unique within its kind. short: part of `make test`,
    or of `make system` where `system` is set: that takes a mount namespace or another user's rights.

    run: does it in an empty folder. AssertionError: something was lost. CannotBeTried: not on this machine.
    """

    kind: str
    name: str
    run: Callable[[Path, References], Tally]
    short: bool = False
    system: bool = False
