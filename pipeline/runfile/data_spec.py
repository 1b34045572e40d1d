"""The section of the run file that names the data set."""

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
"""Keys that mean something for some kinds only. Elsewhere they would be ignored, so they are refused."""


class AugmentSpec(Section):
    """[data.augment]: random changes of the images seen in training. Never applied when embedding."""

    shift: int = setting(AugmentSettings, "shift")
    """Largest shift in pixels, drawn for each axis."""
    flip: bool = setting(AugmentSettings, "flip")
    """Mirror half of the images left to right."""
    factory: str | None = None
    """A user's "path/to/file.py:factory" or "module:factory"; it returns a function of (image, generator), float32
    (C, H, W) after scaling, that is applied to one image at a time, after the others."""
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

    Where the files are and how they are recognised are execution keys: whether the *content* is the one that
    a stage saw is decided by the data's own identity, so a data set that was moved stays the same.
    """

    kind: Kind
    """What the data are: characters or digits that come with libraries, Fashion-MNIST, a folder of images, a table that
    lists images, arrays of vectors or images, or what Hugging Face's `datasets` opens."""
    path: str | None = execution(None, min_length=1)
    """Folder or file, relative to the run file; an fsspec URL for "table" and "arrays". "fashion-mnist" knows
    where Debian's package puts its files."""
    labels: str | None = execution(None, min_length=1)
    """kind = "arrays": the file with the labels, where they are not beside the vectors in one file."""
    split: Literal["closed", "zero-shot"] = "closed"
    """Whether splits share their classes ("closed") or have disjoint ones ("zero-shot"), where the data set
    does not come with splits of its own."""
    validation: float = Field(0.1, gt=0, le=0.5)
    """Share of the training data held out for validation: of its rows, or of its classes ("zero-shot"), each of which
    is chosen by a hash of its key or name and of run.seed."""
    test: float = Field(0.2, ge=0, le=0.5)
    """Share of the data held out for the test, where the data set has no split of its own."""
    image_size: int | tuple[int, int] | None = None
    """Pixels, or [height, width], to which images are resized; by default they must all have one size."""
    colour: Literal["grey", "rgb"] = "rgb"
    """Channels of the decoded images: 1 or 3."""
    background: str = added("white", as_before="white")
    """What shows through transparent pixels: "white", "black", "grey" or "#rrggbb"."""
    label_separator: str | None = Field(None, min_length=1)
    """What separates the labels of a row that has several, as in "cat|dog"."""
    separator: str | None = execution(None)
    """What separates the cells of a text table, where it is not what its name says: a tab in .tsv, a comma in .csv."""
    columns: dict[str, str] = execution({})
    """What the columns path, key, label, split, role and group are called in the table: { label = "category" }."""
    mean: tuple[float, ...] | None = None
    """Subtracted from the items (pixels are in [0, 1] by then): one number for all channels, or one each."""
    std: tuple[float, ...] | None = None
    """Divides the items after `mean`: one number for all channels, or one each."""
    augment: AugmentSpec = AugmentSpec()
    pairs: str | None = execution(None, min_length=1)
    """File of ranked pairs, Parquet, CSV or TSV, with the columns first and second, labels of rows: the first is
    better; "like" in a third column, relation, says that neither is. For the losses of [loss] that score items; rows
    with one label are the segments of an item. Results depend on what it says, wherever it is."""
    values: str | None = execution(None, min_length=1)
    """File of known values of items, with the columns item and value: the order is measured against them, and
    value_regression learns them."""
    review: str | None = execution(None, min_length=1)
    """CSV file with what a person decided about rows and pairs, relative to the run file. Mining, and training on
    what was mined, follow it; warm-up epochs do not. Results depend on its decisions, wherever the file is."""
    review_held_out: bool = execution(False)
    """Let the review change rows of validation and test, too."""
    hash_content: bool = execution(False)
    """Recognise files by the digest of their bytes, which reads all of them, instead of by size and time."""
    allow_local_urls: bool = execution(False)
    """Let a table name pictures by URLs of this machine or its own link (localhost, 127.0.0.1, 169.254.169.254), which
    whoever wrote the table cannot reach himself."""

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
                f'data.values is "{self.values}" but there are no data.pairs, by which items are ranked: name their '
                "file, or remove it"
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
                "data.review_held_out is true but there is no data.review to take it from: name the file, or remove it"
            )
        return self

    @property
    def height_width(self) -> tuple[int, int] | None:
        """`image_size` as (height, width)."""
        return (self.image_size, self.image_size) if isinstance(self.image_size, int) else self.image_size
