"""Import and call the user's own code, with errors that show the user's message."""

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from .checks import suggestion
from .errors import ModelError

GIVEN = ("input_shape", "embedding_dim")
"""Keyword arguments that every encoder factory is called with."""


def load_factory(
    reference: str, *, base: Path | None = None, subject: str = "encoder factory"
) -> Callable[..., Any]:
    """The callable behind `path/to/file.py:factory` or `module:factory`.

    A relative path starts at `base` (None: the working directory). A file is executed anew on every call and not
    entered in `sys.modules`, since two runs may have files of the same name. subject: name for error messages.

    Raises: ModelError when there is no such file, module or attribute, or when importing it fails.
    """
    where, separator, attribute = reference.rpartition(":")
    if not separator or not where or not attribute:
        raise ModelError(
            f"{subject} {reference!r} must be 'path/to/file.py:factory' or 'module:factory': "
            "name the function after a colon"
        )
    module = (
        _module_from_file(where, base, f"{subject} {reference!r}")
        if where.endswith(".py")
        else _module(where, reference)
    )
    found = getattr(module, attribute, None)
    if found is None:
        public = [
            name for name, value in vars(module).items() if callable(value) and not name.startswith("_")
        ]
        remedy = suggestion(attribute, public, otherwise="name a function or class that it has")
        raise ModelError(f"{where} has no {attribute!r}: {remedy}")
    if not callable(found):
        raise ModelError(
            f"{reference} is a {type(found).__name__} but must be callable: name a function or class"
        )
    return found


def call_factory(
    factory: Callable[..., Any],
    *,
    subject: str,
    input_shape: tuple[int, ...],
    embedding_dim: int,
    arguments: Mapping[str, Any],
) -> Any:
    """Return `factory(input_shape=…, embedding_dim=…, **arguments)`; whatever it raises becomes a ModelError.

    input_shape: (channels, height, width) or (features,), without the batch. Arguments that the factory does not take
    are refused before the call; the error suggests the most similar one that it takes.
    """
    check_arguments(factory, arguments, subject=subject)
    try:
        return factory(input_shape=input_shape, embedding_dim=embedding_dim, **arguments)
    except ModelError as error:
        raise ModelError(f"{subject}: {error}") from error
    except Exception as error:
        raise ModelError(f"{subject} failed: {type(error).__name__}: {error}") from error


def check_arguments(factory: Callable[..., Any], arguments: Mapping[str, Any], *, subject: str) -> None:
    """Raise ModelError for argument names that `factory` does not take, or that the run sets itself."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # builtins and some C callables have no signature
        return
    reserved = [name for name in arguments if name in GIVEN]
    if reserved:
        raise ModelError(
            f"{subject} was given {reserved[0]!r} as an argument, but it is set by the run: remove it"
        )
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = [
        parameter.name
        for parameter in parameters
        if parameter.kind in by_name and parameter.name not in GIVEN
    ]
    for name in arguments:
        if name not in known:
            takes = ", ".join(known) or "none"
            remedy = suggestion(name, known, otherwise="leave it out")
            raise ModelError(f"{subject} takes no argument {name!r} (it takes: {takes}): {remedy}")


def _module(name: str, reference: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"cannot import {name!r} for {reference!r} ({error}): install it, or correct the name"
        ) from error
    except Exception as error:
        raise ModelError(
            f"cannot import {name!r} for {reference!r}: {type(error).__name__}: {error}"
        ) from error


class _SourceLoader(SourceFileLoader):
    """Compiles the file each time it is executed.

    Cached bytecode would be an unchecked file in the run directory, executed in place of the source that was checked.
    """

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        """The code of the file as it is now."""
        return self.source_to_code(self.get_data(self.path), self.path)


def _module_from_file(where: str, base: Path | None, subject: str) -> ModuleType:
    path = (base or Path()) / where
    if not path.is_file():
        raise ModelError(f"{subject}: there is no file {path}: correct the path")
    loader = _SourceLoader(path.stem, str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path, loader=loader)
    if spec is None or spec.loader is None:
        raise ModelError(f"{subject}: {path} cannot be loaded as Python: correct the path")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(f"importing {path} failed: {type(error).__name__}: {error}") from error
    return module
