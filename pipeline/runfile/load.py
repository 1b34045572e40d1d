"""Read a TOML file into a validated RunSpec, with errors that say what to write instead."""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...mining.errors import InputError
from ...models.errors import ModelError
from ..errors import SpecError
from ..redact import redacted
from .run_spec import RunSpec

_LIMITS = {
    "greater_than": ("must be greater than {gt}", "raise it"),
    "greater_than_equal": ("must be at least {ge}", "raise it"),
    "less_than": ("must be less than {lt}", "lower it"),
    "less_than_equal": ("must be at most {le}", "lower it"),
    "literal_error": ("must be one of {expected}", "choose one of them"),
    "int_type": ("must be a whole number", "write it without quotes and without a decimal point"),
    "float_type": ("must be a number", "write it without quotes"),
    "string_type": ("must be a string", "write it in quotes"),
    "bool_type": ("must be true or false", "write it without quotes"),
    "finite_number": ("must be finite", "write an ordinary number"),
    "model_type": ("must be a table of keys", "write them under a heading in [brackets]"),
    "dict_type": ("must be a table of keys", "write them under a heading in [brackets]"),
    "tuple_type": ("must be an array", "write it in [brackets]"),
    "string_too_short": ("must not be empty", "write something"),
    "too_short": ("must have {min_length} or more", "add some"),
    "too_long": ("must have {max_length} at most", "remove some"),
    "string_pattern_mismatch": (
        "must be letters, digits, '_', '-' and '.' only, and not begin with '.'",
        "rename it",
    ),
}


def load_spec(path: Path) -> RunSpec:
    """Read and validate a run file.

    Raises: SpecError with one line for each mistake, all of them at once.
    """
    try:
        if path.exists() and not path.is_file():
            raise SpecError(f"run file {path} is a folder, a pipe or a device: name a file instead")
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SpecError(f"run file {path} does not exist: {_another(path)}") from None
    except UnicodeDecodeError as error:
        raise SpecError(f"run file {path} is not UTF-8 text ({error}): save it as UTF-8") from None
    except OSError as error:
        raise SpecError(
            f"run file {path} cannot be read ({error.strerror}): give this user read access, or name another file"
        ) from None
    try:
        keys = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"run file {path} is not valid TOML: {error}: correct it") from None
    return parse_spec(keys, base=path.resolve().parent, source=str(path))


def _another(path: Path) -> str:
    """What to do without the run file `path`: take the one beside it that is nearly called so, or write one."""
    beside = [each.name for each in path.parent.glob("*.toml") if each.is_file()]
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.8)
    written = f"`tripletmine init digits --out {path}` writes one"
    return f"did you mean {path.parent / near[0]}? ({written})" if near else written


def run_root(run: Path) -> Path:
    """The run directory: `run` itself, or, if `run` is a run file, the directory that it names. Raises: SpecError."""
    return load_spec(run).root if run.suffix == ".toml" else run


def parse_spec(keys: Mapping[str, Any], *, base: Path, source: str = "run file") -> RunSpec:
    """Validate the tables of a run file; relative paths in them refer to `base`. Raises: SpecError."""
    if "base" in keys:
        raise SpecError(f"{source}: base is not a key of the run file: remove it")
    try:
        # Through JSON, since only there pydantic's strict mode accepts arrays as tuples and tables as sections.
        spec = RunSpec.model_validate_json(json.dumps({**keys, "base": str(base)}, default=str))
        return spec.with_fitting_defaults()
    except ValidationError as error:
        by_key: dict[str, list[ErrorDetails]] = {}
        for details in error.errors(include_url=False):
            by_key.setdefault(_name(details), []).append(details)
    lines = [line for name, errors in by_key.items() for line in _lines(name, errors)]
    raise SpecError("\n".join(f"{source}: {line}" for line in dict.fromkeys(lines)))


def _name(details: ErrorDetails) -> str:
    """The key as written in the run file, without the alternative types that pydantic adds to its location."""
    location = details["loc"]
    depth = len(_sections(location)) + 1
    indexes = [str(part) for part in location[depth:] if isinstance(part, int)]
    return ".".join([*(str(part) for part in location[:depth]), *indexes])


def _sections(location: Sequence[int | str]) -> list[type[BaseModel]]:
    """The sections that a location passes through, without the run file itself."""
    found: list[type[BaseModel]] = []
    section: type[BaseModel] = RunSpec
    for part in location:
        field = section.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        section = annotation
        found.append(section)
    return found


def _lines(name: str, errors: list[ErrorDetails]) -> Iterator[str]:
    """The lines about one key; a value that fits none of several allowed types gets a single line."""
    limits: list[tuple[str, str]] = []
    for details in errors:
        context = details.get("ctx", {})
        match details["type"]:
            case "extra_forbidden":
                yield _unknown_key([str(part) for part in details["loc"]])
            case "missing":
                yield f"{name} is missing: add it" if "." in name else f"[{name}] is missing: add it"
            case "value_error":
                yield _as_key(name, context["error"])
            case "credentials":
                yield (
                    f"{name} has credentials in it, which would be kept with every run: take them out, and give them "
                    "to fsspec by its configuration, or by the environment"
                )
            case kind:
                message = details["msg"]
                limit, remedy = _LIMITS.get(kind, (message[:1].lower() + message[1:], "correct it"))
                limits.append((limit.format(**context), remedy))
    if limits:
        remedy = limits[0][1] if len(limits) == 1 else "write one of these"
        found = redacted(json.dumps(errors[0]["input"]))
        yield f"{name} is {found} but {' or '.join(limit for limit, _ in limits)}: {remedy}"


def _as_key(section: str, error: Exception) -> str:
    """The message of the error. Those of `mining` and `models` begin with a parameter: a key of the section."""
    return f"{section}.{error}" if isinstance(error, InputError | ModelError) else str(error)


def _unknown_key(location: list[str]) -> str:
    *parents, key = location
    section: type[BaseModel] = [RunSpec, *_sections(parents)][-1]
    known = [name for name in section.model_fields if name != "base"]
    near = difflib.get_close_matches(key, known, n=1)
    where = f"[{'.'.join(parents)}]" if parents else "the run file"
    remedy = f"did you mean {'.'.join([*parents, near[0]])}?" if near else f"known are {', '.join(known)}"
    return f"{'.'.join(location)} is not a key of {where}: {remedy}"
