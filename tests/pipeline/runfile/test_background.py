"""data.background: one name for a colour, and no part of a fingerprint while it is white."""

from pathlib import Path

import pytest
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.runfile.data_spec import DataSpec
from tripletmine.pipeline.runfile.load import parse_spec


def data(**keys: str) -> DataSpec:
    return parse_spec({"data": {"kind": "image-folder", "path": "pets", **keys}}, base=Path("/nowhere")).data


@pytest.mark.parametrize(
    ("written", "meant"),
    [("white", "white"), ("#FFFFFF", "white"), ("Black", "black"), ("gray", "grey"), ("#A1b2c3", "#a1b2c3")],
)
def test_colours(written: str, meant: str):
    assert data(background=written).background == meant


@pytest.mark.parametrize("written", ["", "transparent", "#fff", "#ffffff80", "rgb(1,2,3)"])
def test_other_values_are_refused(written: str):
    with pytest.raises(
        SpecError, match=r'data\.background is ".*" but must be "white", "black", "grey" or "#rrggbb"'
    ):
        data(background=written)


def test_white_is_as_before():
    assert "background" not in data().result_keys()
    assert data(background="#FFFFFF").result_keys() == data().result_keys()
    assert data(background="black").result_keys()["background"] == "black"


def test_only_for_pictures():
    with pytest.raises(SpecError, match=r'data\.background is .* but data\.kind is "digits"'):
        parse_spec({"data": {"kind": "digits", "background": "black"}}, base=Path("/nowhere"))
