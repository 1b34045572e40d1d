"""The remedies in messages about single epochs and stages work."""

import re
import shutil
from pathlib import Path

import pytest

from .case import RUN, Place, copied

KEEP = "keep = { embeddings = 2 }"


@pytest.fixture(scope="module")
def grown(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run file of a run of four epochs, finished: run.keep has left embeddings and graphs of two."""
    place = copied(finished, tmp_path_factory.mktemp("grown"))
    place.change("epochs = 2", f"epochs = 4\n{KEEP}")
    done(place, *RUN)
    return place.run_file


@pytest.fixture
def place(grown: Path, tmp_path: Path) -> Place:
    """A copy of that run."""
    return copied(grown, tmp_path)


def refusal(place: Place, *words: str) -> str:
    code, said = place.ask(*words)
    assert code == 1, said
    assert "please report" not in said
    return said


def options_in(said: str) -> list[str]:
    """The last options to redo a stage that a message names."""
    return [found[0] for found in re.finditer(r"--from-stage \w+( --epoch \d+)?", said)][-1].split()


def done(place: Place, *words: str) -> None:
    code, said = place.ask(*words)
    assert code == 0, said


EPOCH_1 = "--from-stage evaluate --epoch 1"


@pytest.mark.parametrize(
    ("options", "says", "mended"),
    [
        ("--epoch 1", "--epoch is 1 but --from-stage is missing: say from which stage", EPOCH_1),
        ("--from-stage evaluate", "part of epochs 0 to 1, name one as with --epoch 1", EPOCH_1),
        ("--from-stage evaluate --epoch 9", "part of epochs 0 to 1, name one as with --epoch 1", EPOCH_1),
        ("--from-stage mine --epoch 0", "has evaluate, train, choose one of these", "--from-stage train --epoch 0"),
        ("--from-stage score --epoch 1", "epoch 1 has embed, evaluate, graph, mine, train", EPOCH_1),
        ("--from-stage score", "its stages are embed, evaluate, graph, mine, test, train", "--from-stage test"),
        ("--from-stage test --epoch 1", "belongs to no epoch, leave --epoch out", "--from-stage test"),
    ],
)  # fmt: skip
def test_the_message_about_an_unknown_stage_or_epoch_names_one_that_works(
    options: str, says: str, mended: str, finished: Path, tmp_path: Path
) -> None:
    place = copied(finished, tmp_path)
    assert says in refusal(place, *RUN, *options.split())
    done(place, *RUN, *mended.split())


def test_from_the_stage_to_begin_with_instead_nothing_is_missing(place: Place) -> None:
    said = refusal(place, *RUN, "--from-stage", "graph", "--epoch", "1")
    assert "graph of epoch 1 reads embed of epoch 1, whose files were pruned (run.keep): begin with " in said
    assert options_in(said)[1] == "train", "its weights are gone, too"
    done(place, *RUN, *options_in(said))


def test_what_a_later_stage_would_miss_is_said_before_anything_moves(place: Place) -> None:
    """Nothing that mine of the last epoch reads is gone, except the training state from which the run would go on."""
    place.change("epochs = 4", "epochs = 3")
    before = sorted(place.root.rglob("manifest.json"))
    said = refusal(place, *RUN, "--from-stage", "mine", "--epoch", "2")
    assert "train of epoch 2 reads train of epoch 1, whose files were pruned (run.keep): begin with" in said
    assert sorted(place.root.rglob("manifest.json")) == before
    done(place, *RUN, *options_in(said))


def test_reports_of_earlier_epochs_are_enough_to_mine_again(place: Place) -> None:
    place.change(KEEP, "keep = { embeddings = 2, triplets = 1 }")
    done(place, *RUN)
    said = refusal(place, "inspect", "RUN", "--epoch", "2")
    assert "was pruned (run.keep): take a later epoch, or raise run.keep and redo it with" in said
    done(place, "inspect", "RUN", "--epoch", "3")
    done(place, *RUN, "--from-stage", "mine", "--epoch", "3")


@pytest.mark.parametrize(
    ("lost", "asked"),
    [
        ("triplets = 0", ("inspect", "RUN")),
        ("graph = 0", ("suspects", "RUN", "--out", "OUT")),
        ("graph = 0, triplets = 0", ("suspects", "RUN", "--out", "OUT")),
    ],
)
def test_what_was_pruned_of_all_epochs_is_kept_and_made_again(
    lost: str, asked: tuple[str, ...], place: Place
) -> None:
    place.change(KEEP, f"keep = {{ embeddings = 2, {lost} }}")
    done(place, *RUN)
    said = refusal(place, *asked)
    assert "pruned by run.keep): raise run.keep." in said
    for key in re.findall(r"run\.keep\.(\w+)", said):
        place.change(f"{key} = 0", f"{key} = 1")
    done(place, *RUN, *options_in(said))
    done(place, *asked)


def test_the_page_of_an_epoch_without_a_graph_says_to_take_a_later_one_for_suspects(place: Place) -> None:
    report = ("report", "RUN", "--out", "OUT", "--epoch")
    code, said = place.ask(*report, "1")
    assert (code, "was deleted by run.keep.graph: take a later epoch" in said) == (0, True)
    code, said = place.ask(*report, "3")
    assert (code, "take a later epoch" in said) == (0, False)


def test_the_message_about_an_epoch_without_triplets_names_those_that_have_some(place: Place) -> None:
    said = refusal(place, "inspect", "RUN", "--epoch", "0")
    (there,) = re.findall(r"epochs with triplets: ([\d, ]+)\): choose one of these", said)
    for epoch in there.split(", "):
        done(place, "inspect", "RUN", "--epoch", epoch)


def test_the_message_about_an_epoch_without_a_checkpoint_names_remedies_that_work(place: Place) -> None:
    export = ("export", "RUN", "--out", "OUT", "--epoch")
    assert "has no checkpoint: choose one that was trained" in refusal(place, *export, "9")
    said = refusal(place, *export, "1")
    assert "was pruned (run.keep): take a later epoch, or raise run.keep" in said
    done(place, *export, "3")
    shutil.rmtree(place.out)
    place.change(KEEP, 'keep = { embeddings = 2, checkpoints = "all" }')
    begin = options_in(refusal(place, *RUN, *options_in(said)))
    done(place, *RUN, *begin)
    done(place, *export, "1")


def test_a_run_that_only_warms_up_goes_on(finished: Path, tmp_path: Path) -> None:
    place = copied(finished, tmp_path)
    done(place, "status", "RUN")
    shutil.rmtree(place.root)
    assert "start the run first, or name another" in refusal(place, "inspect", "RUN_FILE")
    place.change("epochs = 2", "epochs = 1")
    done(place, *RUN)
    assert "has triplets: let the run go on" in refusal(place, "inspect", "RUN_FILE")
    place.change("epochs = 1", "epochs = 2")
    done(place, *RUN)
    done(place, "inspect", "RUN_FILE")
