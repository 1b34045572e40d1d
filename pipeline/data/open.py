"""Open the data set of the run file's [data]."""

from pathlib import Path

from ..errors import DataError
from ..runfile.data_spec import DataSpec
from .base import DataSet
from .files import locate
from .pictures.decode import Decoding
from .tables.form import TableForm


def open_data(spec: DataSpec, base: Path = Path()) -> DataSet:
    """The data set that `spec` names. Its files are opened when first needed.

    base: the folder of relative paths in `spec`.
    """
    path = "" if spec.path is None else locate(spec.path, base)
    # Imported here, since each kind needs its own libraries.
    match spec.kind:
        case "digits":
            from .digits import Digits

            return Digits()
        case "letters":
            from .letters.data_set import Letters

            return Letters()
        case "fashion-mnist":
            from .fashion_mnist import DEBIAN_FOLDER, FashionMnist

            return FashionMnist(path or str(DEBIAN_FOLDER), hash_content=spec.hash_content)
        case _:
            return _of_files(spec, path, base)


def _of_files(spec: DataSpec, path: str, base: Path) -> DataSet:
    """A data set of the user's own files."""
    match spec.kind:
        case "image-folder":
            from .image_folder import ImageFolder

            return ImageFolder(path, decoding_of(spec), spec.hash_content)
        case "table":
            from .table import ImageTable

            return ImageTable(
                path,
                decoding_of(spec),
                spec.hash_content,
                spec.label_separator,
                spec.allow_local_urls,
                form_of(spec),
            )
        case "huggingface":
            from .huggingface.data_set import HuggingFace

            return HuggingFace(
                path, decoding_of(spec), spec.hash_content, spec.label_separator, form_of(spec)
            )
        case _:
            from .arrays import Arrays

            labels = None if spec.labels is None else locate(spec.labels, base)
            return Arrays(
                path, labels, spec.label_separator, hash_content=spec.hash_content, form=form_of(spec)
            )


def reads_pictures(spec: DataSpec, item_dtype: str) -> bool:
    """Whether the items are image files. item_dtype: of the items; tells pictures of `datasets` from vectors."""
    return spec.kind in ("image-folder", "table") or (spec.kind == "huggingface" and item_dtype == "uint8")


def decoding_of(spec: DataSpec) -> Decoding:
    """How images are decoded, from the run file."""
    return Decoding(spec.colour, spec.height_width, spec.background)


def form_of(spec: DataSpec) -> TableForm:
    """The layout of the data's table, from the run file. Raises: DataError naming the key."""
    try:
        return TableForm(spec.separator, tuple(sorted(spec.columns.items())))
    except DataError as error:
        raise DataError(f"data.{error}") from None
