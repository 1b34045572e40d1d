"""What mining of files takes whether they hold one set of rows or two, as mining.json records it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...mining.rescoring.bound import TeacherBound
from ...mining.rule import MiningRule
from ..data.tables.form import TableForm


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningSettings:
    """Arguments that `mine_files` and `mine_pair_files` share.

    columns: (ours, what the files call it). named: those of ours that may be called otherwise.
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
        """Of the tables with vectors, keys, labels and relevant pairs. Raises: DataError."""
        return TableForm(self.separator, self.columns, self.named)

    @property
    def form_of_lists(self) -> TableForm:
        """Of the tables with pairs of rows, whose columns have names of their own."""
        return TableForm(self.separator)


def recorded_form(settings: Mapping[str, Any]) -> TableForm:
    """What `form` was, from the settings in mining.json; earlier versions had none."""
    columns = tuple((ours, theirs) for ours, theirs in settings.get("columns", ()))
    return TableForm(settings.get("separator"), columns, tuple(ours for ours, _ in columns))
