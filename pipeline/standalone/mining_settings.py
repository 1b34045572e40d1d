"""The settings shared by mining one set of rows and mining queries and a corpus, as recorded in mining.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...mining.rescoring.bound import TeacherBound
from ...mining.rule import MiningRule
from ..data.tables.form import TableForm


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningSettings:
    """Arguments that `mine_files` and `mine_pair_files` share.

    columns: (our name, name in the files). named: our names that can be renamed.
    """

    named: ClassVar[tuple[str, ...]]

    rule: MiningRule
    neighbours: int | None
    method: str
    recall_target: float
    normalise: bool
    seed: int
    threads: int | None
    memory_mib: int | None
    chunk_rows: int
    audit_sample: int
    never_negatives: str | None
    rescore: str | None
    teacher: TeacherBound
    separator: str | None
    columns: tuple[tuple[str, str], ...]

    @property
    def form(self) -> TableForm:
        """The layout of tables with vectors, keys, labels and relevant pairs. Raises: DataError."""
        return TableForm(self.separator, self.columns, self.named)

    @property
    def form_of_lists(self) -> TableForm:
        """The layout of tables with pairs of rows, whose columns cannot be renamed."""
        return TableForm(self.separator)


def recorded_form(settings: Mapping[str, Any]) -> TableForm:
    """`form` from the settings in mining.json; the default layout for earlier versions, which did not record it."""
    columns = tuple((ours, theirs) for ours, theirs in settings.get("columns", ()))
    return TableForm(settings.get("separator"), columns, tuple(ours for ours, _ in columns))
