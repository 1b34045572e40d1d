"""The section of the run file that describes the data set."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ...models.images.settings import AugmentSettings
from .section import Section, added, execution, setting

Kind = Literal["letters", "digits", "fashion-mnist", "image-folder", "table", "arrays", "huggingface"]

_NEEDS_PATH = {"image-folder", "table", "arrays", "huggingface"}

_ONLY_FOR: dict[str, set[str]] = {
    "path": {"fashion-mnist", "image-folder", "table", "arrays", "huggingface"},
    "labels": {"arrays"},
    "image_size": {"image-folder", "table", "huggingface"},
    "colour": {"image-folder", "table", "huggingface"},
    "background": {"image-folder", "table", "huggingface"},
    "label_separator": {"table", "arrays", "huggingface"},
    "separator": {"table", "arrays", "huggingface"},
    "columns": {"table", "arrays", "huggingface"},
    "allow_local_urls": {"table"},
}
"""The kinds that use a key, for keys that not all kinds use. Other kinds would ignore it, so it is refused."""


class AugmentSpec(Section):
    """[data.augment]: random augmentation of training images. Never applied when embedding."""

    shift: int = setting(AugmentSettings, "shift")
    """Largest random shift along each axis, in pixels."""
    flip: bool = setting(AugmentSettings, "flip")
    """Mirror half of the images left to right."""
    factory: str | None = None
    """Your own augmentation: "path/to/file.py:factory" or "module:factory". The factory returns a function of (image,
    generator), where image is a scaled float32 array (C, H, W); it is applied to one image at a time, last."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of `factory`."""

    @model_validator(mode="after")
    def _factory(self) -> "AugmentSpec":
        if self.arguments and self.factory is None:
            raise ValueError(
                f"data.augment.arguments is {self.arguments} but there is no data.augment.factory to take them: "
                "name it, or remove them"
            )
        return self


class DataSpec(Section):
    """[data]: the data set, its splits, and how its items become tensors.

    Where the files are, and how they are recognised, are execution keys: the identity of the data depends on their
    *content*, so a data set that was moved is still the same.
    """

    kind: Kind
    """Where the data come from: letters or digits that come with a library, Fashion-MNIST, a folder of images, a table
    that lists images, arrays of vectors or images, or a data set that Hugging Face's `datasets` can open."""
    path: str | None = execution(None, min_length=1)
    """Folder or file, relative to the run file; "table" and "arrays" also take an fsspec URL. By default,
    "fashion-mnist" looks where Debian's package puts its files."""
    labels: str | None = execution(None, min_length=1)
    """kind = "arrays": the file of labels, unless they are in the same file as the vectors."""
    split: Literal["closed", "zero-shot"] = "closed"
    """Whether the splits share their classes ("closed") or have disjoint ones ("zero-shot"). Used where the data set
    has no splits of its own."""
    validation: float = Field(0.1, gt=0, le=0.5)
    """Share of the training rows ("closed") or classes ("zero-shot") held out for validation, chosen by a hash of the
    row's key or the class's name and of run.seed."""
    test: float = Field(0.2, ge=0, le=0.5)
    """Share of the data held out for the test. Used where the data set has no test split of its own."""
    image_size: int | tuple[int, int] | None = None
    """Size to which images are resized: pixels, or [height, width]. By default images are not resized and must all have
    the same size."""
    colour: Literal["grey", "rgb"] = "rgb"
    """Whether images are decoded to 1 channel ("grey") or 3 ("rgb")."""
    background: str = added("white", as_before="white")
    """Colour behind transparent pixels: "white", "black", "grey" or "#rrggbb"."""
    label_separator: str | None = Field(None, min_length=1)
    """Separator of the labels of a row that has several: "|" for "cat|dog"."""
    separator: str | None = execution(None)
    """Separator of the cells of a text table; by default a tab in .tsv and a comma in .csv."""
    columns: dict[str, str] = execution({})
    """The table's own names of the columns path, key, label, split, role and group: { label = "category" }."""
    mean: tuple[float, ...] | None = None
    """Subtracted from the items, after pixels are scaled to [0, 1]: one number for all channels, or one per channel."""
    std: tuple[float, ...] | None = None
    """Divides the items after `mean` is subtracted: one number for all channels, or one per channel."""
    augment: AugmentSpec = AugmentSpec()
    pairs: str | None = execution(None, min_length=1)
    """File of ranked pairs of items (Parquet, CSV or TSV), for the losses that score items. Columns: first and second,
    two labels of which the first is better; optionally relation, which is "like" where neither is better. Rows with the
    same label are segments of one item. Results depend on the content of the file, not on its path."""
    values: str | None = execution(None, min_length=1)
    """File of known values of items, with the columns item and value. The ranking is evaluated against them, and
    value_regression learns them."""
    review: str | None = execution(None, min_length=1)
    """CSV file of a person's decisions about rows and pairs, relative to the run file. Mining, and training on mined
    triplets, follow them; warm-up epochs do not. Results depend on the decisions, not on the path of the file."""
    review_held_out: bool = execution(False)
    """Let the review also change rows of validation and test."""
    hash_content: bool = execution(False)
    """Recognise files by the digest of their content, which reads every file, instead of by size and time."""
    allow_local_urls: bool = execution(False)
    """Let a table refer to pictures by URLs of this machine or its local link (localhost, 127.0.0.1, 169.254.169.254).
    Off by default, since the author of a table could make this machine request what only it can reach."""

    @field_validator("background")
    @classmethod
    def _one_name_for_a_colour(cls, background: str) -> str:
        named = {"gray": "grey", "#ffffff": "white", "#000000": "black", "#808080": "grey"}
        colour = named.get(background.lower(), background.lower())
        if not re.fullmatch(r"white|black|grey|#[0-9a-f]{6}", colour):
            raise ValueError(
                f'data.background is "{background}" but must be "white", "black", "grey" or "#rrggbb": choose one'
            )
        return colour

    @model_validator(mode="after")
    def _keys_of_the_kind(self) -> "DataSpec":
        for key, kinds in _ONLY_FOR.items():
            if self.kind not in kinds and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(
                    f'data.{key} is {getattr(self, key)!r} but data.kind is "{self.kind}": '
                    f"it is for {', '.join(sorted(kinds))} only, so remove it"
                )
        if self.kind in _NEEDS_PATH and self.path is None:
            raise ValueError(f'data.path is missing but data.kind is "{self.kind}": add it')
        return self

    @model_validator(mode="after")
    def _limits(self) -> "DataSpec":
        if self.image_size is not None and min(self.height_width or ()) < 1:
            raise ValueError(f"data.image_size is {self.image_size} but must be at least 1 pixel: raise it")
        if (self.mean is None) != (self.std is None):
            missing = "mean" if self.mean is None else "std"
            raise ValueError(
                f"data.{missing} is missing but the other of mean and std is there: give both or none"
            )
        if self.std is not None and min(self.std, default=0.0) <= 0:
            raise ValueError(
                f"data.std is {list(self.std)} but must be numbers greater than 0: raise them, or leave both out"
            )
        if self.mean is not None and not self.mean:
            raise ValueError("data.mean is empty: give one number for all channels, or one each")
        return self

    @model_validator(mode="after")
    def _ranked(self) -> "DataSpec":
        if self.values is not None and self.pairs is None:
            raise ValueError(
                f'data.values is "{self.values}" but data.pairs, by which items are ranked, is missing: add data.pairs'
                ", or remove data.values"
            )
        if self.pairs is not None and self.review is not None:
            raise ValueError(
                f'data.review is "{self.review}", which changes labels and mined triplets, but data.pairs is '
                f'"{self.pairs}", by which items are ranked: remove data.review, and correct the file of pairs'
            )
        return self

    @model_validator(mode="after")
    def _review_there(self) -> "DataSpec":
        if self.review_held_out and self.review is None:
            raise ValueError(
                "data.review_held_out is true but data.review is missing: add data.review, or remove "
                "data.review_held_out"
            )
        return self

    @property
    def height_width(self) -> tuple[int, int] | None:
        """`image_size` as (height, width)."""
        return (self.image_size, self.image_size) if isinstance(self.image_size, int) else self.image_size
