"""The run files of `tripletmine init cub | cars | sop | in-shop | market`: the recipes that papers train."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ....pipeline.errors import SpecError

Network = Literal["resnet50", "vit-s"]


@dataclass(frozen=True, slots=True)
class _Set:
    """A standard data set. called: its name in papers. size: of the pictures. recalls: the K of Recall@K that papers
    report. shape: classes per batch, images per class. nmi: whether NMI is measured. epochs: total number."""

    called: str
    size: str = "224"
    recalls: str = "[1, 2, 4, 8]"
    shape: tuple[int, int] = (28, 4)
    nmi: bool = True
    epochs: int = 60


_SETS = {
    "cub": _Set("CUB-200-2011"),
    "cars": _Set("Cars-196"),
    "sop": _Set("Stanford Online Products", recalls="[1, 10, 100, 1000]", nmi=False),
    "in-shop": _Set("In-Shop Clothes Retrieval", recalls="[1, 10, 20, 30]", nmi=False),
    "market": _Set("Market-1501", "[256, 128]", "[1, 5, 10]", (16, 4), nmi=False, epochs=120),
}
STANDARD_SETS = tuple(_SETS)


@dataclass(frozen=True, slots=True)
class _Network:
    """A pretrained network. name: in timm. rate, decay: learning rate and weight decay from `source`."""

    name: str
    embedding_dim: int
    rate: str
    decay: str
    source: str
    mean: str = "[0.485, 0.456, 0.406]"
    std: str = "[0.229, 0.224, 0.225]"


_NETWORKS: dict[str, _Network] = {
    "resnet50": _Network("resnet50", 512, "1e-5", "4e-4", "Roth et al., ICML 2020"),
    "vit-s": _Network(
        "vit_small_patch16_224", 384, "3e-5", "1e-2", "Ermolov et al., CVPR 2022", "[0.5]", "[0.5]"
    ),
}

_TEMPLATE = """# {called}, as papers split it, listed in {table}.
#
# Pictures are resized whole and shifted; papers crop them at random, which data.augment.factory could do.
# The encoder starts from weights of ImageNet and needs timm: pip install 'tripletmine[timm]'

[run]
name = "{name}"
epochs = {epochs}

[data]
kind = "table"
path = {table}
image_size = {size}
colour = "rgb"
split = "zero-shot"         # validation has classes of its own, taken from the training ones
validation = 0.1
mean = {mean}
std = {std}
augment = {{ shift = 16, flip = true }}

[encoder]
name = "timm:{network}"
embedding_dim = {embedding_dim}
{arguments}

[train]
warmup_epochs = 2
frozen_epochs = 1           # the new last layer alone
classes_per_batch = {classes}
images_per_class = {images}
learning_rate = {rate}        # with weight_decay as in {source}
weight_decay = {decay}

[evaluate]
recalls = {recalls}
nmi = {nmi}
"""


def standard_run_file(name: str, table: Path, network: str, weights: Path | None) -> str:
    """The text of the run file beside `table`. weights: a file of timm's weights; None lets timm fetch them.

    Raises: SpecError for an unknown network, a network that cannot take the pictures, and a missing weights file.
    """
    if network not in _NETWORKS:
        raise SpecError(
            f"encoder is {network!r} but must be one of {', '.join(_NETWORKS)}: choose one of them"
        )
    if network == "vit-s" and name == "market":
        raise SpecError(
            "encoder is 'vit-s', which takes square pictures, and those of market are not: leave it out"
        )
    if weights is not None and not weights.is_file():
        raise SpecError(f"weights is {weights}, where no file is: correct the path")
    data, trained = _SETS[name], _NETWORKS[network]
    return _TEMPLATE.format(
        called=data.called,
        name=name,
        table=_quoted(table.name),
        epochs=data.epochs,
        size=data.size,
        mean=trained.mean,
        std=trained.std,
        network=trained.name,
        embedding_dim=trained.embedding_dim,
        arguments=_arguments(weights),
        classes=data.shape[0],
        images=data.shape[1],
        rate=trained.rate,
        decay=trained.decay,
        source=trained.source,
        recalls=data.recalls,
        nmi=str(data.nmi).lower(),
    )


def _arguments(weights: Path | None) -> str:
    if weights is None:
        return "arguments = { pretrained = true }   # timm fetches the weights, or init --weights FILE names them"
    file = _quoted(str(weights.resolve()))
    return f"arguments = {{ pretrained = true, pretrained_cfg_overlay = {{ file = {file} }} }}"


def _quoted(text: str) -> str:
    """The text as a TOML string. Raises: SpecError for a text that would need escapes."""
    if '"' in text or "\\" in text or not text.isprintable():
        raise SpecError(f"{text!r} has quotes, backslashes or control characters in it: choose another name")
    return f'"{text}"'
