"""File contents cut short, or with some bytes changed."""

from hypothesis import strategies as st


@st.composite
def edited(draw: st.DrawFn, content: bytes) -> bytes:
    """Content with some bytes changed, inserted or removed."""
    edit = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(edit)))
        edit[at : at + draw(st.integers(0, 12))] = draw(st.binary(max_size=12))
    return bytes(edit)


@st.composite
def cut(draw: st.DrawFn, content: bytes) -> bytes:
    """Content cut short by at least one byte."""
    return content[: draw(st.integers(0, max(0, len(content) - 1)))]
