"""Open a folder or file with `datasets`, and find the column of the items."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DataError
from ..base import split_called
from ..files import is_url, unreadable
from ..tables.form import TableForm
from ..tables.text import is_text, text_columns
from ..vectors import VECTOR_NAMES

if TYPE_CHECKING:
    from datasets import Dataset

PICTURE_NAMES = ("image", "img", "path", "file_name")
"""Names of columns of pictures."""

_BUILDERS = {".parquet": "parquet", ".json": "json", ".jsonl": "json"}


@dataclass(frozen=True, slots=True)
class Part:
    """One split of the data set. split: our name of it; None if the data set has no splits. items: its rows with only
    the column of the items, since `datasets` always reads all columns of a row."""

    split: str | None
    rows: "Dataset"
    items: "Dataset"


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened data set. parts: in the order of `datasets`. item: column of the items. pictures: whether they are."""

    parts: tuple[Part, ...]
    item: str
    pictures: bool

    @property
    def columns(self) -> list[str]:
        """The columns, the same in all parts."""
        return self.parts[0].rows.column_names


def opened(location: str, form: TableForm) -> Opened:
    """Open a folder of `save_to_disk`, a Parquet, JSON or CSV file, or a folder of such files or of images.

    form: own names of columns, and the separator of a CSV file.
    Raises: DataError naming the location, if `datasets` cannot open it, or its splits or columns are ambiguous.
    """
    if is_url(location) or not Path(location).exists():
        # Otherwise `datasets` would take it for the name of a data set on its hub.
        raise DataError(f"{location} does not exist on this machine: correct data.path, or download it first")
    try:
        found = _read(location, form)
    except DataError:
        raise
    except Exception as error:  # its readers raise all kinds of errors
        raise unreadable(location, error) from error
    parts = _parts(found, location)
    columns = parts[0].rows.column_names
    form.require([ours for ours, _ in form.columns], columns, location)
    for part in parts[1:]:
        if part.rows.features != parts[0].rows.features:
            raise DataError(f"{location} has splits with other columns: write all splits alike")
    return _with_items(parts, columns, form, location)


def _read(location: str, form: TableForm) -> Any:
    import datasets

    path = Path(location)
    datasets.disable_progress_bars()
    if path.is_dir():
        if any((path / name).exists() for name in ("dataset_dict.json", "state.json")):
            return datasets.load_from_disk(location)
        return datasets.load_dataset(location)
    if is_text(location):
        # Read cells as strings: `datasets` would read the labels 007 and 7 as the same number.
        names = text_columns(location, form)
        features = datasets.Features({name: datasets.Value("string") for name in names})
        separator = form.separator or ("\t" if ".tsv" in path.name.lower() else ",")
        return datasets.load_dataset(
            "csv", data_files=location, sep=separator, features=features, keep_default_na=False
        )
    builder = _BUILDERS.get(path.suffix.lower())
    if builder is None:
        raise DataError(
            f"{location} is not a file for datasets ({', '.join(_BUILDERS)}, .csv, .tsv): name one, or a folder that "
            "save_to_disk wrote"
        )
    return datasets.load_dataset(builder, data_files=location)


def _parts(found: Any, location: str) -> tuple[Part, ...]:
    import datasets

    if isinstance(found, datasets.Dataset):
        return (Part(None, found, found),)
    if len(found) == 1:
        (rows,) = found.values()
        return (Part(None, rows, rows),)
    unknown = [name for name in found if split_called(name) is None]
    if unknown:
        raise DataError(
            f"{location} has the splits {', '.join(found)}: known are train, validation and test, so rename or remove "
            f"{', '.join(unknown)}"
        )
    parts = tuple(Part(split_called(name), rows, rows) for name, rows in found.items())
    twice = len(parts) - len({part.split for part in parts})
    if twice:
        raise DataError(
            f"{location} has the splits {', '.join(found)}, two of which mean the same: leave one"
        )
    return parts


def _with_items(parts: tuple[Part, ...], columns: Sequence[str], form: TableForm, location: str) -> Opened:
    import datasets

    features = parts[0].rows.features
    images = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    named = form.called("path") or form.called("vector")
    pictures = [*images, *(name for name in PICTURE_NAMES if name in columns and name not in images)]
    vectors = [name for name in VECTOR_NAMES if name in columns]
    item = named or next(iter([*pictures, *vectors]), None)
    if item is None:
        raise DataError(
            f"{location} has the columns {', '.join(columns)}, none of which is an image or called "
            f"{', '.join((*PICTURE_NAMES[:3], *VECTOR_NAMES[:3]))}: name the column with data.columns, such as "
            '{ vector = "clip" } or { path = "photo" }'
        )
    if named is None and len(images) > 1:
        raise DataError(
            f"{location} has the images {', '.join(images)} in each row: choose one with data.columns, such as "
            f'{{ path = "{images[0]}" }}'
        )
    is_picture = item in images or (
        form.called("vector") is None and features[item] == datasets.Value("string")
    )
    if is_picture and item in images:
        undecoded = datasets.Image(decode=False)
        parts = tuple(replace(part, rows=part.rows.cast_column(item, undecoded)) for part in parts)
    with_items = tuple(replace(part, items=part.rows.select_columns([item])) for part in parts)
    return Opened(with_items, item, is_picture)
