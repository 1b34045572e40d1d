"""The manifests are valid for Kubernetes, do not run as root, and have the memory that a run needs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage import Asked, RunFacts
from tripletmine.pipeline.plan.work import Phase
from tripletmine.pipeline.run.epochs import TEST, plan_epochs
from tripletmine.pipeline.runfile.load import load_spec
from tripletmine.pipeline.stages.evaluate import test_stage as stage_of_the_test
from tripletmine.pipeline.workers.base import PAUSED_AT

DEPLOY = Path(__file__).parents[2] / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = {"Mi": 2**0, "Gi": 2**10, "MiB": 2**0, "GiB": 2**10}
"""In MiB."""


def documents() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text())


def pod(name: str) -> dict[str, Any]:
    """The pod specification of a Deployment or a Job."""
    (found,) = (
        document["spec"]["template"]["spec"]
        for document in documents()
        if document["metadata"]["name"] == name and "template" in document["spec"]
    )
    return found


def mib(amount: str) -> int:
    """An amount such as 1536Mi or 1280MiB, in MiB."""
    number = amount.rstrip("MGiB")
    return int(number) * UNITS[amount.removeprefix(number)]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_manifests_hold_to_the_schema_with_nothing_that_it_does_not_name(path: Path, version: str) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(document, version, strict=True)


def test_a_name_that_the_schema_does_not_have_is_found() -> None:
    document = yaml.safe_load((DEPLOY / "kubernetes" / "run.yaml").read_text())
    document["spec"]["template"]["spec"]["securityContext"]["fsgroup"] = 1000
    with pytest.raises(kubernetes_validate.ValidationError, match="fsgroup"):
        kubernetes_validate.validate(document, "1.37", strict=True)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_share_one_volume(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        spec = document["spec"].get("template", {}).get("spec", {})
        for container in spec.get("containers", []):
            assert container["image"] == "tripletmine"
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounted == {volume["name"] for volume in spec.get("volumes", [])}
        claims = [volume["persistentVolumeClaim"]["claimName"] for volume in spec.get("volumes", [])]
        assert set(claims) <= {"tripletmine-shared"}


@pytest.mark.parametrize("name", ["tripletmine-scheduler", "tripletmine-worker", "tripletmine-run"])
def test_pods_run_as_the_user_of_the_image_who_owns_the_volume(name: str) -> None:
    found = pod(name)
    security = found["securityContext"]
    assert security["runAsNonRoot"] is True
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in (DEPLOY / "Dockerfile").read_text()
    if found.get("volumes"):
        assert security["fsGroup"] == security["runAsGroup"]


def test_probes_ask_where_something_answers() -> None:
    (scheduler,) = pod("tripletmine-scheduler")["containers"]
    (port,) = scheduler["ports"]
    assert scheduler["command"][scheduler["command"].index("--port") + 1] == str(port["containerPort"])
    for probe in ("readinessProbe", "livenessProbe"):
        assert scheduler[probe]["tcpSocket"]["port"] == port["name"]
    (worker,) = pod("tripletmine-worker")["containers"]
    address = worker["command"][worker["command"].index("--dashboard-address") + 1]
    assert f"http://{address}/health" in worker["livenessProbe"]["exec"]["command"][-1]


def test_the_memory_is_what_check_computes_for_cluster_toml() -> None:
    phases = list(planned())
    workers = max(phase.memory_mib for phase in phases if not phase.on_driver)
    driver = max(phase.memory_mib for phase in phases if phase.on_driver)
    (worker,) = pod("tripletmine-worker")["containers"]
    limit = mib(worker["command"][worker["command"].index("--memory-limit") + 1])
    assert workers <= PAUSED_AT * limit <= 2 * workers
    assert mib(worker["resources"]["limits"]["memory"]) == limit + 256
    (run,) = pod("tripletmine-run")["containers"]
    assert driver + 512 <= mib(run["resources"]["limits"]["memory"]) <= 1.5 * (driver + 512)
    text = "".join(path.read_text() for path in MANIFESTS)
    assert f"{workers} MiB" in text, "the comment names what check says"
    assert f"{driver} MiB" in text, "the comment names what check says"


def planned() -> Iterator[Phase]:
    """Every phase of cluster.toml for data of Fashion-MNIST's size, which need not be there."""
    spec = load_spec(DEPLOY / "cluster.toml")
    facts = RunFacts(
        train=54_088,
        validation=5_912,
        test=10_000,
        classes=10,
        singletons=0,
        item_shape=(28, 28),
        item_bytes=28 * 28,
        data_digest="data",
        encoder="convnet",
        weights=None,
        encoder_digest="none",
        protocols=(
            Asked("validation", queries=5_912, left_out=0, gallery=5_911),
            Asked("test", queries=10_000, left_out=0, gallery=9_999),
            Asked("test_against_train", queries=10_000, left_out=0, gallery=54_088),
        ),
    )
    for epoch in plan_epochs(spec):
        for stage in epoch.stages:
            yield from stage.plan(spec, facts, StageRef(epoch.number, stage.name)).phases
    yield from stage_of_the_test(0).plan(spec, facts, TEST).phases
