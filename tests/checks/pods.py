"""Builds the image and runs scheduler, worker and run of deploy/kubernetes as pods on this machine, with Podman.

    python -m tests.checks.pods [--base IMAGE] [--build-option=OPTION]...

Needs root, podman, buildah, runc, netavark, aardvark-dns, iptables, and about ten minutes; not part of `make ci`. The
digits are trained by the pods, and once more by a single container: both must leave the same bytes. Podman has neither
Services nor Jobs, so the scheduler is reached by its pod's name, and the run is a Pod; the rest is as in the manifests.

Where no image registry can be reached, a base image can be made from Debian packages:

    debootstrap --variant=minbase --include=python3,python3-venv,python3-dev,ca-certificates bookworm base MIRROR
    tar -C base -c . | podman import --change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - localhost/base

Build options are podman's, such as --network=host, --build-arg=TORCH_BACKEND= (torch as the index has it) or --volume.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ..faults.product import DEFAULTS, RUN_FILE
from ..faults.state import require_same

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "localhost/tripletmine"
VOLUME = "tripletmine-shared"
SERVICE, POD = "tcp://tripletmine-scheduler:", "tcp://tripletmine-scheduler-pod-0:"
WORKERS = 2
MOST_BYTES = 2 * 10**9
"""Limit for an image with torch for CPUs."""


def main() -> None:
    arguments = argparse.ArgumentParser(description="Build the image, and run its pods with Podman.")
    arguments.add_argument("--base", help="image to build on, instead of that of the Dockerfile")
    arguments.add_argument(
        "--build-option", action="append", default=[], help="of `podman build`; as often as needed"
    )
    given = arguments.parse_args()
    build(given.base, given.build_option)
    scheduler, worker = (document for document in manifests("dask.yaml") if document["kind"] == "Deployment")
    worker["spec"]["replicas"] = WORKERS
    (run,) = manifests("run.yaml")
    pods = [*manifests("storage.yaml"), scheduler, worker, pod_of(run)]
    try:
        play(pods[:-1])
        write("run.toml")
        write("serial/run.toml")
        podman(
            "run",
            "--rm",
            "--volume",
            f"{VOLUME}:/shared",
            IMAGE,
            "run",
            "/shared/serial/run.toml",
            "--no-prefect",
        )
        play(pods[-1:])
        container = f"{run['metadata']['name']}-run"
        code = podman("wait", container).strip()
        print(podman("logs", container))
        assert code == "0", f"the run's pod ended with {code}"
        (watched,) = worker["spec"]["template"]["spec"]["containers"]
        podman("exec", "tripletmine-worker-pod-0-worker", *watched["livenessProbe"]["exec"]["command"])
        shared = Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", VOLUME).strip())
        require_workers(shared / "runs" / "digits")
        require_same(shared / "runs" / "digits", shared / "serial" / "runs" / "digits")
    finally:
        for name in ("run", *(f"worker-pod-{number}" for number in range(WORKERS)), "scheduler-pod-0"):
            podman("pod", "rm", "--force", "--ignore", f"tripletmine-{name}")
        podman("volume", "rm", "--force", VOLUME)
    print("pods: passed, the bytes are those of one container alone")


def build(base: str | None, options: Sequence[str]) -> None:
    """Build the image, and check that it is small."""
    chosen = [] if base is None else [f"--build-arg=BASE={base}"]
    podman("build", "--file", "deploy/Dockerfile", "--tag", IMAGE, *chosen, *options, ".")
    size = int(podman("image", "inspect", "--format", "{{.Size}}", IMAGE))
    print(f"image: {size / 10**9:.2f} GB")
    assert size <= MOST_BYTES, (
        f"the image has {size:,} bytes, and {MOST_BYTES:,} at most is what deploy/site/clusters.md says"
    )


def manifests(name: str) -> list[dict[str, Any]]:
    """The documents of a file, with the scheduler under the name that it has in Podman."""
    text = (ROOT / "deploy" / "kubernetes" / name).read_text()
    return list(yaml.safe_load_all(text.replace(SERVICE, POD)))


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    """The pod that a Job would start."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": job["metadata"],
        "spec": job["spec"]["template"]["spec"],
    }


def play(documents: Sequence[dict[str, Any]]) -> None:
    podman("kube", "play", "-", given="---\n".join(json.dumps(document) + "\n" for document in documents))


def write(path: str) -> None:
    """Write a run file to the volume, as the image's user."""
    command = f"mkdir -p $(dirname {path}) && cat > {path}"
    podman(
        "run",
        "--rm",
        "--interactive",
        "--volume",
        f"{VOLUME}:/shared",
        "--entrypoint=sh",
        IMAGE,
        "-c",
        command,
        given=RUN_FILE.format(**DEFAULTS),
    )


def require_workers(root: Path) -> None:
    """Fail unless tasks ran in another pod than the run's."""
    lines = [json.loads(line) for line in (root / "journal.jsonl").read_text().splitlines()]
    hosts = {line["host"] for line in lines if line["event"] == "task"}
    assert len(hosts) > 1, f"all tasks ran on {hosts}"


def podman(*command: str, given: str | None = None) -> str:
    """Run a podman command, and return its output.

    Podman's own probes are off: they need systemd, and their commands are read differently from Kubernetes.
    """
    print("podman", *command[:6], flush=True)
    ended = subprocess.run(
        ["podman", *command],
        cwd=ROOT,
        env={**os.environ, "DISABLE_HC_SYSTEMD": "true"},
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return ended.stdout


if __name__ == "__main__":
    main()
