"""The files of deploy/ fit the code: they load, and what they name exists."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tripletmine.pipeline.runfile.load import load_spec

from ..flows.processes import private_environment

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*.toml")), ids=lambda path: path.name)
def test_run_files_load(path):
    assert load_spec(path).cluster.kind in ("local", "dask")


def test_the_deployment_names_a_flow_that_exists_with_its_parameters(tmp_path):
    (deployment,) = yaml.safe_load((DEPLOY / "prefect.yaml").read_text())["deployments"]
    module, _, name = deployment["entrypoint"].rpartition(".")
    # In a process of its own: Prefect takes over the logging of whoever imports it.
    code = f"from {module} import {name} as flow\nprint(flow.name, *flow.parameters.properties)"
    environment = private_environment(tmp_path, PREFECT_HOME=str(tmp_path / "prefect"), DO_NOT_TRACK="1")
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["tripletmine", *deployment["parameters"]]
