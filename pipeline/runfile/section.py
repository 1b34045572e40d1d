"""Base class of the run file's sections: frozen, without unknown keys; result keys and execution keys are separate."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Annotated, Any, Self, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from ..redact import has_secret

_EXECUTION = "execution"
_AS_BEFORE = "as_before"
_NOT_ADDED = object()
"""Default of `as_before`: the key is in every fingerprint."""
_SETTING_OF = "setting of"

Settings = TypeVar("Settings")


class Section(BaseModel):
    """One table of the run file. Immutable; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _no_secrets(cls, value: Any) -> Any:
        """Refuse credentials, since values are stored in the run directory and shown; the message omits them."""
        if any(map(has_secret, _strings(value))):
            raise PydanticCustomError("credentials", "it has credentials in it")
        return value

    def result_keys(self) -> dict[str, Any]:
        """The keys that determine the results, JSON-ready.

        Execution keys (where and how fast: workers, memory, devices) are left out: changing them never makes a
        finished stage stale.
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
        """A copy with these values for keys that were not set explicitly."""
        unnamed = {name: value for name, value in values.items() if name not in self.model_fields_set}
        return self.model_copy(update=unnamed)

    def build(self, settings: type[Settings], **others: Any) -> Settings:
        """Build settings of `mining` or `models` from their keys in this section; `others` are further fields.

        Raises: InputError or ModelError for values that do not fit together.
        """
        return settings(**self.keys_of(settings), **others)

    def keys_of(self, settings: type) -> dict[str, Any]:
        """The keys of this section that are fields of `settings`, with their values."""
        return {
            name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if isinstance(field.json_schema_extra, dict)
            and field.json_schema_extra.get(_SETTING_OF) == settings.__name__
        }


def _strings(value: Any) -> Iterator[str]:
    """All strings in a value. Not those of nested sections, which check themselves."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from _strings(pair)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)


def setting(of: type, name: str, *, is_execution: bool = False, as_before: Any = _NOT_ADDED) -> Any:
    """A key whose default and limits are those of the field `name` of the dataclass `of`.

    is_execution: whether it is an execution key, see `execution`. as_before: see `added`.
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
    """The limits of `Annotated[X, *limits]` or of `Annotated[X, *limits] | None`."""
    if get_origin(hint) is Annotated:
        yield from get_args(hint)[1:]
    elif type(None) in get_args(hint):
        for part in get_args(hint):
            yield from _limits(part)


def added(default: Any, *, as_before: Any, **limits: Any) -> Any:
    """A result key that earlier versions did not have.

    as_before: the JSON-ready value that gives the results of earlier versions. With this value the key is left out of
    fingerprints, so that a run begun with an earlier version continues.
    """
    return Field(default, json_schema_extra={_AS_BEFORE: as_before}, **limits)


def execution(default: Any, **limits: Any) -> Any:
    """A key that determines where or how fast the work is done, but never its results."""
    return Field(default, json_schema_extra={_EXECUTION: True}, **limits)
