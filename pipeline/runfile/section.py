"""What all sections of the run file share: frozen, no unknown keys, result keys apart from execution keys."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_EXECUTION = "execution"


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
            else:
                keys[name] = self.model_dump(mode="json", include={name})[name]
        return keys


def execution(default: Any, **limits: Any) -> Any:
    """A key that says where or how fast the work is done, and never what comes out."""
    return Field(default, json_schema_extra={_EXECUTION: True}, **limits)
