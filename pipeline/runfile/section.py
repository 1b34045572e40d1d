"""What all sections of the run file share: frozen, no unknown keys, result keys apart from execution keys."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Annotated, Any, Self, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from ..redact import has_secret

_EXECUTION = "execution"
_AS_BEFORE = "as_before"
_NOT_ADDED = object()
"""Of keys that are as old as fingerprints are."""
_SETTING_OF = "setting of"

Settings = TypeVar("Settings")


class Section(BaseModel):
    """One table of the run file. Immutable; keys that it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _no_secrets(cls, value: Any) -> Any:
        """What the run file says is kept in the run directory, and shown. The message does not repeat it."""
        if any(map(has_secret, _strings(value))):
            raise PydanticCustomError("credentials", "it has credentials in it")
        return value

    def result_keys(self) -> dict[str, Any]:
        """The keys that decide what the results are, JSON-ready.

        Execution keys (where and how fast: workers, memory, devices) do not count: changing them never makes
        a finished stage stale.
        """
        keys: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            extra = field.json_schema_extra
            if isinstance(extra, dict) and extra.get(_EXECUTION):
                continue
            value = getattr(self, name)
            if isinstance(value, Section):
                keys[name] = value.result_keys()
                continue
            plain = self.model_dump(mode="json", include={name})[name]
            if not (isinstance(extra, dict) and _AS_BEFORE in extra and plain == extra[_AS_BEFORE]):
                keys[name] = plain
        return keys

    def with_defaults(self, **values: Any) -> Self:
        """With other values for those keys that nobody has named."""
        unnamed = {name: value for name, value in values.items() if name not in self.model_fields_set}
        return self.model_copy(update=unnamed)

    def build(self, settings: type[Settings], **others: Any) -> Settings:
        """Settings of `mining` or `models`, from the keys that are theirs; `others`: fields that are no keys here.

        Raises: InputError or ModelError for values that do not fit together.
        """
        return settings(**self.keys_of(settings), **others)

    def keys_of(self, settings: type) -> dict[str, Any]:
        """The keys that are fields of these settings, with their values."""
        return {
            name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if isinstance(field.json_schema_extra, dict)
            and field.json_schema_extra.get(_SETTING_OF) == settings.__name__
        }


def _strings(value: Any) -> Iterator[str]:
    """All strings in what a key holds; sections look at their own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from _strings(pair)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)


def setting(of: type, name: str, *, is_execution: bool = False, as_before: Any = _NOT_ADDED) -> Any:
    """A key that is the field `name` of the dataclass `of`, which alone says its default and limits.

    is_execution: it says where or how fast the work is done, and never what comes out. as_before: see `added`.
    """
    default = next(field.default for field in fields(of) if field.name == name)
    limits: dict[str, Any] = {
        word: bound
        for limit in _limits(get_type_hints(of, include_extras=True)[name])
        for word, bound in asdict(limit).items()
    }
    marks: dict[str, Any] = {_SETTING_OF: of.__name__} | ({_EXECUTION: True} if is_execution else {})
    marks |= {} if as_before is _NOT_ADDED else {_AS_BEFORE: as_before}
    return Field(default, json_schema_extra=marks, **limits)


def _limits(hint: Any) -> Iterator[Any]:
    """Those of `Annotated[X, *limits]`, also where it may be None."""
    if get_origin(hint) is Annotated:
        yield from get_args(hint)[1:]
    elif type(None) in get_args(hint):
        for part in get_args(hint):
            yield from _limits(part)


def added(default: Any, *, as_before: Any, **limits: Any) -> Any:
    """A result key that earlier versions did not have.

    as_before: the JSON-ready value at which results are those of earlier versions. At that value the key is no part of
    a fingerprint, so that a run begun with an earlier version continues.
    """
    return Field(default, json_schema_extra={_AS_BEFORE: as_before}, **limits)


def execution(default: Any, **limits: Any) -> Any:
    """A key that says where or how fast the work is done, and never what comes out."""
    return Field(default, json_schema_extra={_EXECUTION: True}, **limits)
