"""A user's own encoder: every way of getting it wrong is reported, with the message of the user's code."""

import sys
from importlib.util import cache_from_source
from py_compile import PycInvalidationMode
from py_compile import compile as py_compile
from textwrap import dedent

import pytest
from tripletmine.models.errors import ModelError
from tripletmine.models.factory import call_factory, load_factory


@pytest.fixture
def user_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        dedent("""
            def small(*, input_shape, embedding_dim, width=8):
                return (input_shape, embedding_dim, width)
            def open_ended(*, input_shape, embedding_dim, **rest):
                return rest
            def fails(*, input_shape, embedding_dim):
                raise KeyError("no such backbone: resnet5")
            constant = 3
        """)
    )
    return path


def call(factory, arguments=None):
    return call_factory(
        factory, subject="encoder 'mine'", input_shape=(1, 8, 8), embedding_dim=4, arguments=arguments or {}
    )


def test_a_function_of_a_file_is_found_from_the_folder_of_the_run_file(user_file):
    assert call(load_factory("mine.py:small", base=user_file.parent)) == ((1, 8, 8), 4, 8)
    assert call(load_factory(f"{user_file}:small"), {"width": 2}) == ((1, 8, 8), 4, 2)


def test_a_file_does_not_enter_the_modules_under_its_generic_name(user_file):
    load_factory(f"{user_file}:small")
    assert "mine" not in sys.modules


def test_no_compiled_code_is_left_beside_a_file_or_used_instead_of_it(user_file, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    load_factory(f"{user_file}:small")
    assert [path.name for path in user_file.parent.iterdir()] == ["mine.py"]

    other = user_file.with_name("other.py")
    other.write_text(user_file.read_text().replace("width=8", "width=9"))
    # Marked as not to be compared with its source, so that Python itself would take it.
    py_compile(
        str(other), cache_from_source(str(user_file)), invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
    assert call(load_factory(f"{user_file}:small")) == ((1, 8, 8), 4, 8)


def test_a_function_of_a_module_is_found():
    assert load_factory("collections:OrderedDict").__name__ == "OrderedDict"


@pytest.mark.parametrize("reference", ["mine.py", "", ":small", "mine.py:"])
def test_a_reference_without_both_parts_is_refused(reference):
    with pytest.raises(ModelError, match="name the function after a colon"):
        load_factory(reference)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("absent.py:small", "there is no file"),
        ("no_such_module_here:small", "cannot import 'no_such_module_here'"),
        ("mine.py:smal", "did you mean 'small'"),
        ("mine.py:constant", "is a int but must be callable"),
    ],
)
def test_what_is_not_there_is_named(user_file, reference, said):
    with pytest.raises(ModelError) as caught:
        load_factory(reference, base=user_file.parent)
    assert said in str(caught.value)


def test_a_file_that_fails_on_import_shows_its_own_message(tmp_path):
    (tmp_path / "broken.py").write_text("raise RuntimeError('licence server not reached')")
    with pytest.raises(ModelError, match="RuntimeError: licence server not reached"):
        load_factory("broken.py:any", base=tmp_path)


def test_a_factory_that_fails_shows_its_own_message(user_file):
    with pytest.raises(ModelError, match="encoder 'mine' failed: KeyError: 'no such backbone: resnet5'"):
        call(load_factory(f"{user_file}:fails"))


def test_an_argument_that_the_factory_does_not_take_is_refused_with_the_nearest(user_file):
    with pytest.raises(ModelError, match=r"no argument 'widht' \(it takes: width\): did you mean 'width'\?"):
        call(load_factory(f"{user_file}:small"), {"widht": 2})


def test_a_factory_that_takes_anything_gets_anything(user_file):
    assert call(load_factory(f"{user_file}:open_ended"), {"depth": 2}) == {"depth": 2}


def test_what_the_run_sets_is_no_argument(user_file):
    with pytest.raises(ModelError, match="'embedding_dim' as an argument, but it is set by the run"):
        call(load_factory(f"{user_file}:open_ended"), {"embedding_dim": 2})
