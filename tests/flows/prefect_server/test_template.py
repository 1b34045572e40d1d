"""A migrated database is kept once and copied often."""

import sqlite3
from contextlib import closing

import pytest
from tripletmine.flows.prefect_server.template import (
    DATABASE,
    keep_template,
    prepare_database,
    template_path,
)


def fill(path, word):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE said (word)")
        database.execute("INSERT INTO said VALUES (?)", (word,))
        database.commit()


def word_in(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT word FROM said").fetchone()[0]


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def template(tmp_path):
    return tmp_path / "cache" / "prefect.db"


def test_without_a_template_the_database_is_new(home, template):
    assert prepare_database(home, template)
    assert not (home / DATABASE).exists()


def test_a_kept_template_is_the_next_database(home, template, tmp_path):
    fill(home / DATABASE, "migrated")
    keep_template(home, template)
    other = tmp_path / "other"
    other.mkdir()
    assert not prepare_database(other, template)
    assert word_in(other / DATABASE) == "migrated"
    assert [path.name for path in template.parent.iterdir()] == [template.name]


def test_an_existing_database_is_left_alone(home, template):
    fill(home / DATABASE, "history")
    template.parent.mkdir()
    fill(template, "empty")
    assert not prepare_database(home, template)
    assert word_in(home / DATABASE) == "history"


def test_a_package_that_cannot_be_written_to_is_no_error(home, tmp_path):
    fill(home / DATABASE, "migrated")
    (tmp_path / "file").touch()
    keep_template(home, tmp_path / "file" / "prefect.db")


def test_another_prefect_has_another_template(monkeypatch):
    ours = template_path()
    monkeypatch.setattr("tripletmine.flows.prefect_server.template.version", lambda name: "9.9.9")
    assert template_path() != ours
