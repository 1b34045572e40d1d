"""Refuse keys that a run would ignore, so that nobody relies on them."""

from collections.abc import Iterable, Iterator

from .section import Section


def unused_keys(of: str, section: Section, keys: Iterable[str], why: str) -> Iterator[str]:
    """One complaint for each of these keys of the section [of] that is not at its default.

    why: ends the clause "but …", such as "loss.weights names ranking, and ranked items have no neighbour graph".
    """
    for key in keys:
        value = getattr(section, key)
        if value != type(section).model_fields[key].get_default(call_default_factory=True):
            yield f"{of}.{key} is {_shown(value)} but {why}: remove {of}.{key}"


def _shown(value: object) -> str:
    """The value as text; of a section, only the keys that were set."""
    if isinstance(value, Section):
        return str({key: getattr(value, key) for key in sorted(value.model_fields_set)})
    return repr(value)
