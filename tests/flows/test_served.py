"""A served process takes what it was served with."""

from pathlib import Path

import pytest
from tripletmine.flows.served import require_served, served_settings
from tripletmine.pipeline.errors import SpecError

SERVED = served_settings(Path("/runs/nightly.toml"), new_data=True)


def test_what_was_served_is_taken():
    require_served("/runs/nightly.toml", new_data=True, environment=SERVED)


@pytest.mark.parametrize(
    ("run_file", "new_data"),
    [("/tmp/theirs.toml", True), ("/runs/../runs/nightly.toml", True), ("/runs/nightly.toml", False)],
)
def test_anything_else_is_refused(run_file, new_data):
    with pytest.raises(SpecError, match=r"serves run_file /runs/nightly\.toml .* but was asked for"):
        require_served(run_file, new_data=new_data, environment=SERVED)


def test_a_deployment_of_a_work_pool_takes_what_its_server_says():
    require_served("/runs/any.toml", new_data=False, environment={})
