"""A SLURM cluster of one node on this machine, with its own key, ports and folders, beside any other cluster."""

import os
import secrets
import signal
import socket
import subprocess
from pathlib import Path

from ..waiting import eventually

CONFIGURATION = """
ClusterName=tests
SlurmctldHost={name}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1
MpiDefault=none
ReturnToService=2
KillWait=20
NodeName={name} NodeAddr=127.0.0.1 CPUs=4 CoresPerSocket=4 RealMemory=16000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class OneNode:
    """munged, slurmctld and slurmd, run as root. folder: for all their files; other users may enter it, as munge
    demands."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the daemons, and return when the node accepts jobs."""
        folder = self._folder
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        controller, daemon = _free_ports(2)
        host = socket.gethostname().partition(".")[0]
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(name=host, folder=folder, controller=controller, daemon=daemon)
        )
        files = {name: folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
        options = [f"--{name}{'' if name == 'socket' else '-file'}={path}" for name, path in files.items()]
        self._start("munged", "--foreground", f"--key-file={key}", *options)
        eventually(files["socket"].exists, "munged", seconds=20)
        self._start("slurmctld", "-D", "-c")
        self._start("slurmd", "-D", "-N", host)
        eventually(self._idle, "an idle node", seconds=60)

    def call(self, *command: str, **environment: str) -> str:
        """What a SLURM command prints; it must succeed."""
        ended = subprocess.run(
            command,
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}: {ended.stderr}"
        return ended.stdout.strip()

    def state(self, job: str) -> str:
        """The state of a job: RUNNING, COMPLETED, …"""
        told = self.call("scontrol", "--oneliner", "show", "job", job)
        return next(word for word in told.split() if word.startswith("JobState=")).partition("=")[2]

    def close(self) -> None:
        """Kill the jobs that are left, then end the daemons, last one first."""
        subprocess.run(
            ["scancel", "--signal=KILL", "--full", "--user=root"],
            env={**os.environ, **self.environment},
            capture_output=True,
            check=False,
        )
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait(10)

    @property
    def log(self) -> str:
        """What the daemons wrote."""
        return (self._folder / "daemons.log").read_text(errors="replace")

    def _idle(self) -> bool:
        for daemon in self._daemons:
            assert daemon.poll() is None, f"a daemon of SLURM ended:\n{self.log}"
        told = subprocess.run(
            ["sinfo", "--noheader", "--format=%t"],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return told.stdout.strip() == "idle"

    def _start(self, *command: str) -> None:
        with (self._folder / "daemons.log").open("ab") as output:
            self._daemons.append(
                subprocess.Popen(
                    command,
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
