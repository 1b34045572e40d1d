"""The tables of figures: columns that only some runs have, and how labels were decided."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tripletmine.flows.terminal.metrics_table import metrics_tables
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage import RunFacts
from tripletmine.pipeline.run.status import RunStatus, StageStatus
from tripletmine.pipeline.runfile.load import parse_spec

FACTS = RunFacts(240, 30, 30, 12, 0, (16,), 64, "", "mlp", None, "")
RETRIEVED = {"recall@1": 0.9753, "map_at_r": 0.9}
SCORED = RETRIEVED | {"label_map": 0.5124, "coverage": 2.25, "ranking_loss": 0.0125}
DECIDED = {f"{of}_{name}": 0.25 for of in ("class", "overall") for name in ("precision", "recall", "f1")} | {
    "exact_match": 0.125
}


def printed(tested: dict[str, Any], **evaluation: Any) -> str:
    spec = parse_spec({"data": {"kind": "digits"}, "evaluate": evaluation}, base=Path())
    test = StageStatus(StageRef(None, "test"), "committed", 1, 1, 1.0, 0, {"test": tested})
    page = io.StringIO()
    for table in metrics_tables(RunStatus(Path(), spec, FACTS, (), test)):
        Console(file=page, width=160).print(table)
    return page.getvalue()


@pytest.mark.parametrize("figures", [RETRIEVED, SCORED], ids=["retrieved", "scored"])
def test_figures_of_labels_are_there_where_they_are_scored(figures: dict[str, float]) -> None:
    scored = "label_map" in figures
    assert all((words in printed(figures)) == scored for words in ("label mAP", "0.5124", "2.2500", "0.0125"))
    assert "labels by" not in printed(figures)


def test_each_way_to_decide_labels_has_a_line() -> None:
    page = printed(SCORED | {"decisions": {"count": DECIDED, "one_threshold": DECIDED}})
    lines = [line.split() for line in page.splitlines() if "0.1250" in line]
    assert lines == [["count", *["0.2500"] * 6, "0.1250"], ["one", "threshold", *["0.2500"] * 6, "0.1250"]]


def test_verification_has_a_table_of_its_own_and_recognition_a_column() -> None:
    verified = {
        "verification_accuracy": 0.9125,
        "verification_error": 0.0042,
        "verification_threshold_sq": 1.25,
        "verification_same": 3000,
        "verification_different": 3000,
        "verification_auc": 0.9625,
        "tar@0.001": None,
        "tar@0.01": 0.4375,
        "tar@0.1": 0.8125,
    }
    assert "verified" not in printed(RETRIEVED)
    lines = [line.split() for line in printed(RETRIEVED | verified).splitlines()]
    start = next(place for place, line in enumerate(lines) if line[:1] == ["verified"])
    assert "TAR@0.01" in lines[start]
    told = next(line for line in lines[start + 1 :] if line[:1] == ["test"])
    assert told[1:7] == ["3,000", "+", "3,000", "0.9125", "±", "0.0042"]
    assert told[-4:] == ["0.4375", "0.8125", "0.9625", "1.2500"]
    assert "5-NN" not in printed(RETRIEVED)
    assert "5-NN" in printed(RETRIEVED | {"knn@5": 0.75}, knn=5)
