"""What becomes of a Prefect home that others could read."""

import os

import pytest
from tripletmine.flows.prefect_server.private_files import make_private, open_private


@pytest.fixture(autouse=True)
def _usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path):
    return path.lstat().st_mode & 0o777


def test_it_is_made_for_its_owner_alone(tmp_path):
    make_private(tmp_path / "run" / "home")
    assert mode(tmp_path / "run" / "home") == 0o700
    assert mode(tmp_path / "run") == 0o755


def test_an_existing_home_is_closed_with_all_that_is_in_it(tmp_path):
    home = tmp_path / "home"
    (home / "ui").mkdir(parents=True)
    database, page = home / "prefect.db", home / "ui" / "index.html"
    for path in (database, page):
        path.write_text("read by all")
    make_private(home)
    assert [mode(path) for path in (home, home / "ui", database, page)] == [0o700, 0o700, 0o600, 0o600]


def test_links_are_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    home = tmp_path / "home"
    home.mkdir()
    (home / "folder").symlink_to(elsewhere)
    (home / "file").symlink_to(elsewhere / "file")
    make_private(home)
    assert (mode(elsewhere), mode(elsewhere / "file")) == (0o755, 0o644)


def test_a_new_file_is_its_owners(tmp_path):
    os.close(open_private(tmp_path / "log"))
    assert mode(tmp_path / "log") == 0o600
