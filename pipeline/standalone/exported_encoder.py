"""Load an encoder written by `tripletmine export`, without the run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...mining.compute.threads import usable_threads
from ...mining.graphs.exact.index import build
from ...mining.neighbours import NO_ROW, NeighbourTable
from ...models.encoders.checkpoints import load_encoder_state, load_layer_state, load_tensors, without_prefix
from ...models.encoders.encode import encode
from ...models.images.transforms import Scaling
from ...models.label_decision import LEARNT, Learnt, LearntBy, Scored
from ...models.neck import Neck
from ...models.score_head import ScoreHead
from ..artifacts.weights import DECISIONS_FILE, ENCODER_FILE, HEAD_FILE, NECK_FILE
from ..data.pictures.exported import PictureReader, from_json
from ..errors import CorruptError, DataError
from ..resolve.encoder import built_encoder
from ..storage.regular import read_regular, require_regular

if TYPE_CHECKING:
    from torch import nn

ABOUT = "encoder.json"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Encoder:
    """A trained encoder: ``Encoder.load("birds-encoder").encode(images)``.

    Attributes:
        network: The torch module, in evaluation mode; move it to another device to encode there.
        item_shape: Shape of one item.
        item_dtype: Data type in training, "uint8" or "float32"; None in exports that do not say.
        normalise: Whether embeddings are scaled to unit length.
        scaling: Applied to items before the network.
        pictures: Reads image files as the run did; None if the run had none, or the export does not say.
        head: The layer that scores labels or items, a torch module on the CPU; None if the run trained none.
        labels: The labels, in the order of their scores; None if labels are not scored.
        decisions: Learnt ways to decide labels, by name; empty if the run learnt none.
    """

    network: "nn.Module"
    item_shape: tuple[int, ...]
    item_dtype: str | None
    normalise: bool
    scaling: Scaling
    pictures: PictureReader | None = None
    head: ScoreHead | None = None
    labels: tuple[str, ...] | None = None
    decisions: Mapping[LearntBy, Learnt] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> "Encoder":
        """Load an encoder from a folder written by `tripletmine export`.

        Args:
            path: The folder.

        Raises:
            CorruptError: If the folder is not an exported encoder.
            ModelError: For errors in its factory, weights or scoring layer.
        """
        folder = Path(path)
        try:
            about = json.loads(read_regular(folder / ABOUT))
            item_shape = tuple(int(side) for side in about["item_shape"])
            mean, std = about["mean"], about["std"]
            scaling = Scaling() if mean is None else Scaling(tuple(mean), tuple(std))
            reference, arguments = about["encoder"], about["arguments"]
            embedding_dim, normalise = int(about["embedding_dim"]), bool(about["normalise"])
            layer_norm = bool(about.get("layer_norm"))
            pictures = about.get("pictures")
            pictures = None if pictures is None else from_json(pictures, item_shape)
            scores = about.get("scores")
            labels, most = _labels(scores)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CorruptError(
                f"{folder} is not an exported encoder, since it holds no {ABOUT}: give the folder that `tripletmine "
                "export RUN --out FOLDER` wrote"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptError(f"{folder} is not an exported encoder ({error}): export it again") from error
        network = built_encoder(
            reference,
            name=reference,
            base=folder,
            item_shape=item_shape,
            embedding_dim=embedding_dim,
            arguments=arguments,
            layer_norm=layer_norm,
            seed=0,
        )
        require_regular(folder / ENCODER_FILE)
        load_encoder_state(network, load_tensors(folder / ENCODER_FILE)[0])
        if about.get("feature") == "batch_normalised":
            neck = Neck(embedding_dim, running=True)
            _load_layer(neck, folder / NECK_FILE)
            network = neck.behind(network)
        network.eval()
        return cls(
            network,
            item_shape=item_shape,
            item_dtype=about.get("item_dtype"),
            normalise=normalise,
            scaling=scaling,
            pictures=pictures,
            head=None if scores is None else _head(folder, embedding_dim, labels),
            labels=labels,
            decisions={} if most is None else _decisions(folder, embedding_dim, most, len(labels or ())),
        )

    def encode(self, items: ArrayLike | Sequence[str | Path], *, batch: int = 256) -> NDArray[np.float32]:
        """Embeddings float32 (N, embedding_dim) of items. Items are scaled as in training.

        Args:
            items: (N, *item_shape) uint8, float32 or float64; for an encoder trained on uint8, floats are pixels
                divided by 255. Or the paths of N image files, which are decoded and resized as in the run.
            batch: Items per forward pass.

        Raises:
            DataError: For items whose shape, type or range differs from training, and for files that cannot be read.
        """
        paths = _paths(items)
        if paths is None:
            return self._encoded(self._checked(np.asarray(items)), batch)
        if self.pictures is None:
            raise DataError(
                "items are paths but the exported encoder does not say how its run read image files: give arrays of "
                f"shape (N, {', '.join(map(str, self.item_shape))}), or export it again if the run was on image files"
            )
        return np.concatenate(
            [self._encoded(pixels, batch) for pixels in self.pictures.batches(paths, batch)]
        )

    def score(self, items: ArrayLike | Sequence[str | Path], *, batch: int = 256) -> NDArray[np.float32]:
        """Scores of items, if a loss of the run scored items or labels.

        Args:
            items: As in `encode`.
            batch: Items per forward pass.

        Returns:
            float32 (N,) if the run ranked items: higher is better; for an item with several segments, take the mean of
                their scores. float32 (N, L) if it scored labels, in the order of `labels`: higher is likelier.

        Raises:
            DataError: As `encode` does, and if the export has no scores.
        """
        if self.head is None:
            raise DataError(
                "the exported encoder has no scores: its run had no loss that scores items (ranking, value_regression) "
                "or labels (lsep, hinge_ranking, binary_cross_entropy); if it had one, export it again"
            )
        return self.head.scores(self.encode(items, batch=batch))

    def label(
        self, items: ArrayLike | Sequence[str | Path], *, by: LearntBy = "count", batch: int = 256
    ) -> list[tuple[str, ...]]:
        """The labels of items, if a loss of the run scored labels.

        Args:
            items: As in `encode`.
            by: "count" predicts the number of labels of an item and takes those with the highest scores. "thresholds"
                predicts a threshold for each label of an item and takes the labels that score above it, possibly none.
            batch: Items per forward pass.

        Returns:
            The labels of each item, in the order of `labels`.

        Raises:
            DataError: As `encode` does, and if the export does not decide labels, or not in this way.
        """
        if self.head is None or self.labels is None or not self.decisions:
            raise DataError(
                "the exported encoder decides no labels: that is learnt in the test at the end of a run that scores "
                "labels (lsep, hinge_ranking, binary_cross_entropy); export the best epoch of such a run"
            )
        if by not in self.decisions:
            raise DataError(
                f"by is {by!r} but must be one of {', '.join(self.decisions)}: choose one of them"
            )
        features = self.encode(items, batch=batch)
        decided = self.decisions[by](Scored(features, self.head.scores(features)))
        return [tuple(np.array(self.labels, object)[row].tolist()) for row in decided]

    def search(
        self,
        items: ArrayLike | Sequence[str | Path],
        neighbours: int = 10,
        *,
        among: ArrayLike | Sequence[str | Path] | None = None,
        batch: int = 256,
    ) -> NeighbourTable:
        """The nearest items in `among` for each item, by exact search; without `among`, the nearest other items.

        Args:
            items: As in `encode`.
            neighbours: K, the number of neighbours of each item.
            among: The items to search, as in `encode`.
            batch: Items per forward pass.

        Returns:
            ids int64 (N, K), positions in `among`, nearest first, and sq_distances float32 (N, K), padded with −1 and
                inf if there are fewer.

        Raises:
            DataError: As `encode` does.
            InputError: For neighbours below 1.
        """
        queries = self.encode(items, batch=batch)
        gallery = queries if among is None else self.encode(among, batch=batch)
        own = np.arange(len(queries)) if among is None else np.full(len(queries), NO_ROW)
        return build(gallery).search(queries, query_ids=own, neighbours=neighbours, threads=usable_threads())

    def _encoded(self, items: NDArray, batch: int) -> NDArray[np.float32]:
        device = next(self.network.parameters()).device
        return encode(
            self.network,
            items,
            normalise=self.normalise,
            batch_rows=batch,
            device=device,
            scaling=self.scaling,
        )

    def _checked(self, items: NDArray) -> NDArray:
        if items.shape[1:] != self.item_shape or not items.ndim or not len(items):
            wanted = ", ".join(["N", *map(str, self.item_shape)])
            files = "" if self.pictures is None else "; or the paths of image files, which are resized"
            raise DataError(
                f"items have shape {items.shape} but the encoder takes ({wanted}): give at least one item, and each "
                f"in the shape it had in training{files}"
            )
        if items.dtype == np.uint8:
            if self.item_dtype == "float32":
                raise DataError(
                    "items are uint8 but the encoder was trained on float32 values: give items.astype('float32'), "
                    "in the range they had in training"
                )
            return items
        if items.dtype.kind != "f":
            raise DataError(f"items are {items.dtype} but must be uint8 or float32: convert them")
        # A float64 beyond float32 becomes inf, which is refused below.
        with np.errstate(over="ignore"):
            items = items.astype(np.float32, copy=False)
        low, high = float(items.min()), float(items.max())
        if not np.isfinite([low, high]).all():
            raise DataError("items hold NaN or infinite values: repair them, or leave them out")
        if self.item_dtype == "uint8" and not (low >= 0 and high <= 1):
            raise DataError(
                f"items are floats from {low:.4g} to {high:.4g} but the encoder was trained on uint8 pixels, whose "
                "float form lies in [0, 1]: give the pixels as uint8, or divide them by 255"
            )
        return items


def _labels(scores: Mapping[str, Any] | None) -> tuple[tuple[str, ...] | None, int | None]:
    """The scored labels, and the most labels that can be decided for an item; None if there are none."""
    if scores is None or scores["labels"] is None:
        return None, None
    return tuple(map(str, scores["labels"])), scores.get("most")


def _head(folder: Path, width: int, labels: tuple[str, ...] | None) -> ScoreHead:
    """Load the scoring layer. Raises: ModelError for a file that is missing, damaged or of other scores."""
    head = ScoreHead(width, None if labels is None else len(labels))
    _load_layer(head, folder / HEAD_FILE)
    return head.eval()


def _decisions(folder: Path, width: int, most: int, labels: int) -> dict[LearntBy, Learnt]:
    """Load the learnt decisions. Raises: ModelError, as `_head` does."""
    found: dict[LearntBy, Learnt] = {
        by: Learnt.unfitted(by, width, most if by == "count" else labels) for by in LEARNT
    }
    for by, decision in found.items():
        _load_layer(decision.network, folder / DECISIONS_FILE, f"{by}/")
    return found


def _load_layer(layer: "nn.Module", path: Path, prefix: str = "") -> None:
    require_regular(path)
    load_layer_state(layer, without_prefix(prefix, load_tensors(path)[0]))


def _paths(items: ArrayLike | Sequence[str | Path]) -> list[str | Path] | None:
    """The items as paths; None if they are numbers. Raises: DataError for a single path instead of a list."""
    if isinstance(items, str | Path):
        raise DataError(f"items are one path, {items}, but must be a list: give [{str(items)!r}]")
    if isinstance(items, np.ndarray):
        return items.tolist() if items.dtype.kind == "U" and items.ndim == 1 else None
    if isinstance(items, Sequence) and items and all(isinstance(item, str | Path) for item in items):
        return [item for item in items if isinstance(item, str | Path)]
    return None
