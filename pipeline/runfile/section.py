"""What all sections of the run file share: frozen, no unknown keys, result keys apart from execution keys."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_EXECUTION = "execution"
_AS_BEFORE = "as_before"


class Section(BaseModel):
    """One table of the run file. Immutable; keys that it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

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


def added(default: Any, *, as_before: Any, **limits: Any) -> Any:
    """A result key that earlier versions did not have.

    as_before: the JSON-ready value at which results are those of earlier versions. At that value the key is no part of
    a fingerprint, so that a run begun with an earlier version continues.
    """
    return Field(default, json_schema_extra={_AS_BEFORE: as_before}, **limits)


def execution(default: Any, **limits: Any) -> Any:
    """A key that says where or how fast the work is done, and never what comes out."""
    return Field(default, json_schema_extra={_EXECUTION: True}, **limits)
