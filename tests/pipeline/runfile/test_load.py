from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticUndefined
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.runfile.load import load_spec, parse_spec
from tripletmine.pipeline.runfile.loss_spec import LossName, LossSpec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.runfile.section import Section

BASE = Path("/somewhere")
SECTIONS = [name for name in RunSpec.model_fields if name != "base"]


def parse(**sections: Any) -> RunSpec:
    return parse_spec({"data": {"kind": "digits"}, **sections}, base=BASE)


def refusal(**sections: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(**sections)
    return [line.removeprefix("run file: ") for line in str(caught.value).splitlines()]


def every_key(
    section: type[Section], above: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], type[Section]]]:
    """(path, section that holds it) of every key of the run file that is no section itself."""
    found = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            found += every_key(kind, (*above, name))
        elif name != "base":
            found.append(((*above, name), section))
    return found


KEYS = every_key(RunSpec)
KEY_NAMES = [".".join(path) for path, _ in KEYS]


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value


def is_execution(section: type[Section], key: str) -> bool:
    extra = section.model_fields[key].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("execution"))


def result_keys(spec: RunSpec) -> dict[str, Any]:
    return {name: getattr(spec, name).result_keys() for name in SECTIONS}


def test_a_run_file_is_read_and_its_folder_is_the_base(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(
        '[data]\nkind = "digits"\n[mine]\nmargin = 0.3\n[run]\nname = "mine"\n'
    )
    spec = load_spec(tmp_path / "run.toml")

    assert spec.mine.margin == 0.3
    assert spec.root == tmp_path.resolve() / "runs" / "mine"


def test_a_run_file_that_is_not_there_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    with pytest.raises(SpecError, match=rf"{path} does not exist: `tripletmine init digits --out {path}`"):
        load_spec(path)


def test_a_run_file_that_is_not_there_may_be_misspelt(tmp_path: Path) -> None:
    (tmp_path / "birds.toml").write_text('[data]\nkind = "digits"')
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(
        SpecError, match=rf"bird\.toml does not exist: did you mean {tmp_path / 'birds.toml'}\?"
    ):
        load_spec(tmp_path / "bird.toml")
    with pytest.raises(SpecError, match=r"folders\.toml does not exist: `tripletmine init"):
        load_spec(tmp_path / "folders.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[run\n", r"run\.toml is not valid TOML: .*line 1"),
        (b"run = \xff\xfe", r"run\.toml is not UTF-8 text .*: save it as UTF-8"),
        (b"epochs = 1\nepochs = 2\n", r"run\.toml is not valid TOML"),
        (b"", r"run\.toml: \[data\] is missing: add it"),
        (b'[data]\nkind = "digits"\nwhen = 2026-01-01\n', r"data\.when is not a key of \[data\]"),
    ],
)
def test_a_file_that_is_no_run_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(SpecError, match=message):
        load_spec(tmp_path / "run.toml")


def test_a_folder_is_no_run_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is a folder"):
        load_spec(tmp_path)


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"trian": {}}, "trian is not a key of the run file: did you mean train?"),
        ({"mine": {"margn": 0.1}}, "mine.margn is not a key of [mine]: did you mean mine.margin?"),
        (
            {"mine": {"guards": {"rank_windo": [0, 5]}}},
            "mine.guards.rank_windo is not a key of [mine.guards]: did you mean mine.guards.rank_window?",
        ),
        (
            {"data": {"kind": "digits", "augment": {"shfit": 1}}},
            "data.augment.shfit is not a key of [data.augment]: did you mean data.augment.shift?",
        ),
        (
            {"data": {"kind": "digits", "validaton": 0.1}},
            "data.validaton is not a key of [data]: did you mean data.validation?",
        ),
        (
            {"run": {"keep": {"graphs": 1}}},
            "run.keep.graphs is not a key of [run.keep]: did you mean run.keep.graph?",
        ),
    ],
)
def test_an_unknown_key_suggests_the_nearest_known_one(sections: dict[str, Any], line: str) -> None:
    assert refusal(**sections) == [line]


def test_a_key_like_no_other_lists_the_known_ones() -> None:
    (line,) = refusal(zzzz=1)
    assert line.startswith("zzzz is not a key of the run file: known are run, data, encoder,")
    assert "base" not in line


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"run": {"epochs": 0}}, "run.epochs is 0 but must be at least 1: raise it"),
        ({"mine": {"margin": 0}}, "mine.margin is 0 but must be greater than 0.0: raise it"),
        ({"graph": {"m": 513}}, "graph.m is 513 but must be at most 512: lower it"),
        ({"train": {"momentum": 1}}, "train.momentum is 1 but must be less than 1.0: lower it"),
        ({"mine": {"margin": float("nan")}}, "mine.margin is NaN but must be finite: write an ordinary number"),
        ({"data": {"kind": "digits", "std": [1.0, "a"], "mean": [0, 0]}},
         'data.std.1 is "a" but must be a number: write it without quotes'),
    ],
)  # fmt: skip
def test_a_value_out_of_range_names_key_value_limit_and_remedy(sections: dict[str, Any], line: str) -> None:
    assert refusal(**sections) == [line]


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"mine": {"margin": "0.2"}}, 'mine.margin is "0.2" but must be a number: write it without quotes'),
        (
            {"run": {"epochs": 2.0}},
            "run.epochs is 2.0 but must be a whole number: write it without quotes and without a decimal point",
        ),
        (
            {"run": {"deterministic": 1}},
            "run.deterministic is 1 but must be true or false: write it without quotes",
        ),
        ({"run": {"name": 7}}, "run.name is 7 but must be a string: write it in quotes"),
        (
            {"evaluate": {"test": "sometimes"}},
            "evaluate.test is \"sometimes\" but must be one of 'end', 'every' or 'never': choose one of them",
        ),
        ({"mine": 3}, "mine is 3 but must be a table of keys: write them under a heading in [brackets]"),
        (
            {"run": {"keep": {"graph": "some"}}},
            "run.keep.graph is \"some\" but must be a whole number or must be one of 'all': write one of these",
        ),
    ],
)
def test_a_value_of_the_wrong_type_says_how_to_write_it(sections: dict[str, Any], line: str) -> None:
    assert refusal(**sections) == [line]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    lines = refusal(run={"epochs": 0}, mine={"margn": 1, "k_grid": 1}, graph={"method": "magic"})
    assert [line.split(" ", 1)[0] for line in lines] == [
        "run.epochs",
        "graph.method",
        "mine.k_grid",
        "mine.margn",
    ]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"train": {"warmup_epochs": 4}}, "train.warmup_epochs is 4 but run.epochs is 3"),
        ({"cluster": {"kind": "dask"}}, 'cluster.kind is "dask" and cluster.address is None'),
        ({"cluster": {"address": "tcp://x:1"}}, 'cluster.kind is "serial" and cluster.address is'),
        ({"data": {"kind": "digits", "path": "x"}}, "data.path is 'x' but data.kind is \"digits\""),
        ({"data": {"kind": "table"}}, 'data.path is missing but data.kind is "table": add it'),
        ({"data": {"kind": "digits", "mean": [0.5]}}, "data.std is missing"),
    ],
)
def test_keys_that_do_not_go_together(sections: dict[str, Any], message: str) -> None:
    (line,) = refusal(**sections)
    assert message in line


def test_the_base_is_not_a_key_for_users() -> None:
    with pytest.raises(SpecError, match="base is not a key of the run file: remove it"):
        parse_spec({"data": {"kind": "digits"}, "base": "/"}, base=BASE)


@pytest.mark.parametrize(("path", "section"), KEYS, ids=KEY_NAMES)
def test_the_default_of_every_key_validates(path: tuple[str, ...], section: type[Section]) -> None:
    default = section.model_fields[path[-1]].get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        assert path == ("data", "kind"), "the only key without a default"
        return
    sections = nested(path, default)
    sections["data"] = {"kind": "digits", **sections.get("data", {})}
    if default is None:
        return  # TOML has no null; the key is left out
    assert parse(**sections) == parse()


@settings(deadline=None)
@given(
    path=st.sampled_from([path for path, _ in KEYS]),
    value=st.integers() | st.floats() | st.text() | st.booleans(),
)
def test_no_value_makes_the_reader_fail_otherwise(path: tuple[str, ...], value: Any) -> None:
    sections = nested(path, value)
    sections["data"] = {"kind": "digits", **sections.get("data", {})}
    try:
        spec = parse(**sections)
    except SpecError as error:
        message = str(error)
    else:
        assert result_keys(spec)
        return
    assert path[-1] in message, "the message names the key"


@settings(deadline=None)
@given(
    st.dictionaries(st.text(max_size=6), st.integers() | st.dictionaries(st.text(max_size=6), st.integers()))
)
def test_no_table_makes_the_reader_fail_otherwise(tables: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="run file: "):
        parse_spec(tables, base=BASE)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize(("path", "section"), KEYS, ids=KEY_NAMES)
def test_execution_keys_do_not_count_and_all_others_do(path: tuple[str, ...], section: type[Section]) -> None:
    """Set the key to another value behind the validators' back: only its effect on the result keys is looked at."""
    every_loss = LossSpec.model_construct(weights=dict.fromkeys(get_args(LossName), 1.0))
    spec = parse().model_copy(update={"loss": every_loss})  # those that are left out have no result keys
    sections: list[Section] = [spec]
    for part in path[:-1]:
        sections.append(getattr(sections[-1], part))
    changed: Any = "another value"
    for holder, part in zip(reversed(sections), reversed(path), strict=True):
        changed = holder.model_copy(update={part: changed})
    assert (result_keys(changed) == result_keys(spec)) == is_execution(section, path[-1])


def test_what_is_an_execution_key() -> None:
    assert {
        name for name, (path, section) in zip(KEY_NAMES, KEYS, strict=True) if is_execution(section, path[-1])
    } >= {
        "run.directory",
        "run.keep.graph",
        "cluster.kind",
        "cluster.workers",
        "embed.device",
        "graph.memory_mib",
        "train.checkpoint_steps",
        "data.path",
    }


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse().run.epochs = 4  # type: ignore[misc]


def test_a_run_directory_in_ones_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for directory, expected in (("~/runs/a", tmp_path / "home/runs/a"), ("b/~c", tmp_path / "b/~c")):
        spec = parse_spec({"run": {"directory": directory}, "data": {"kind": "digits"}}, base=tmp_path)
        assert spec.root == expected.resolve()
