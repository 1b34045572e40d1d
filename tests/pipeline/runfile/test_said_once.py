"""A default or a limit is stated once: keys of the run file are made from settings."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from annotated_types import Gt
from tripletmine.mining.rule import MiningRule
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.runfile.section import Section
from tripletmine.pipeline.runfile.work_specs import MineSpec

ROOT = Path(__file__).parents[3]
FOLDERS = ("flows", "pipeline", "mining", "models")

NO_KEYS: dict[str, dict[str, str]] = {
    "CellsParameters": {
        "cell_rows": "nobody has asked for it",
        "probes": "graph.effort, which is measured",
    },
    "ExactParameters": {
        "devices": "all GPUs that there are",
        "precision": "results are the same with each",
    },
    "HnswParameters": {"ef": "graph.effort, which is calibrated for all graphs alike"},
    "MiningRule": {
        "k_hardness": "of an epoch, which [mine] chooses",
        "order_seed": "follows from run.seed and the epoch",
    },
    "RankedRule": {
        "k_hardness": "of an epoch, which [mine] chooses",
        "margin": "loss.ranking.margin",
        "pairs_per_row": "mine.triplets_per_anchor",
    },
    "ScheduleSettings": {"final_share": "nobody has asked for it"},
    "TeacherBound": dict.fromkeys(
        ("relative_margin", "absolute_margin"), "of `mine --rescore`: a run has no teacher"
    ),
    "TraverseAddParameters": dict.fromkeys(
        ("trees", "warm_walks", "arrive", "candidates", "refine_distances", "keep", "distances"),
        "follow from K, or nobody has asked for them",
    ),
}
"""Settings that are not keys of the run file, and why."""

OF_THEIR_OWN = {
    "data.mean": "of the pixels; BatchAllSettings.mean says over which triplets",
    "evaluate.pairs": "of verification; the losses have pairs of their own",
    "data.pairs": "a file of them; LsepSettings.pairs is how many of a row",
    "loss.margin": "none by default: it is mine.margin",
    "mine.guards": "a section, which is of Guards",
    "run.keep": "what stays on disk; TraverseAddParameters.keep is of a search",
}
"""Keys that happen to have the name of a setting."""


def sections(section: type[Section] = RunSpec, path: str = "") -> Iterator[tuple[str, type[Section]]]:
    yield path, section
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from sections(kind, f"{path}.{name}".lstrip("."))


def keys() -> Iterator[tuple[str, str, str | None]]:
    """(section, key, the settings class that it is made from)."""
    for path, section in sections():
        for name, field in section.model_fields.items():
            extra = field.json_schema_extra
            yield (
                path,
                name,
                str(extra["setting of"]) if isinstance(extra, dict) and "setting of" in extra else None,
            )


def settings_classes() -> dict[str, dict[str, ast.expr]]:
    """Dataclasses of `mining` and `models` that validate themselves: their fields that have a default."""
    found: dict[str, dict[str, ast.expr]] = {}
    for folder in ("mining", "models"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and any(
                    "dataclass" in ast.unparse(d) for d in node.decorator_list
                ):
                    source = ast.unparse(node)
                    if (
                        "check_limits(self)" in source
                        or "check_settings(self)" in source
                        or "LossSettings" in source
                    ):
                        found[node.name] = {
                            ast.unparse(each.target): each.value
                            for each in node.body
                            if isinstance(each, ast.AnnAssign)
                            and each.value is not None
                            and "ClassVar" not in ast.unparse(each.annotation)
                        }
    return found


CLASSES = settings_classes()


def test_there_are_settings() -> None:
    assert {
        "MiningRule",
        "Guards",
        "ControllerSettings",
        "OptimiserSettings",
        "HistSettings",
    } <= CLASSES.keys()


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_each_setting_is_a_key_made_from_it_or_has_a_reason(name: str) -> None:
    of_it = {key for _, key, of in keys() if of == name}
    parts = {field for field, default in CLASSES[name].items() if "default_factory" in ast.unparse(default)}
    assert CLASSES[name].keys() - parts == of_it | NO_KEYS.get(name, {}).keys()


def test_no_other_key_is_called_like_a_setting() -> None:
    """Such a key would have a second default for the same thing."""
    known = {field for defaults in CLASSES.values() for field in defaults}
    twice = {f"{path}.{key}" for path, key, of in keys() if of is None and key in known}
    assert twice == OF_THEIR_OWN.keys()


def test_a_key_follows_its_setting() -> None:
    field = MineSpec.model_fields["margin"]
    assert field.default == MiningRule.margin
    (limit,) = get_args(get_type_hints(MiningRule, include_extras=True)["margin"])[1:]
    assert limit == Gt(0)
    assert limit in field.metadata
    assert [each.name for each in fields(MineSpec().rule(0.9, 0))] == [
        each.name for each in fields(MiningRule)
    ]
