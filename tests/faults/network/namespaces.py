"""Network namespaces that stand for machines, on one switch, with links that can be cut."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


class Network:
    """names: of the machines. Each has an address of its own, and its own loopback."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._prefix = f"tm{os.getpid()}"
        self._switch = f"{self._prefix}-switch"
        self.addresses = {name: f"10.213.7.{number}" for number, name in enumerate(names, start=1)}

    def on(self, name: str) -> tuple[str, ...]:
        """The words that start a command on a machine."""
        return ("ip", "netns", "exec", f"{self._prefix}-{name}")

    def cut(self, name: str) -> None:
        """Cut the machine's link: nothing reaches it or leaves it, and nobody is told."""
        _ip("-n", self._switch, "link", "set", f"to-{name}", "down")

    def mend(self, name: str) -> None:
        """Restore the machine's link."""
        _ip("-n", self._switch, "link", "set", f"to-{name}", "up")

    def build(self) -> None:
        """Make the namespaces and their links; needs root."""
        _ip("netns", "add", self._switch)
        _ip("-n", self._switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._switch, "link", "set", "bridge", "up")
        for name, address in self.addresses.items():
            machine = f"{self._prefix}-{name}"
            _ip("netns", "add", machine)
            _ip(
                "-n",
                self._switch,
                "link",
                "add",
                f"to-{name}",
                "type",
                "veth",
                "peer",
                "eth0",
                "netns",
                machine,
            )
            _ip("-n", self._switch, "link", "set", f"to-{name}", "master", "bridge", "up")
            _ip("-n", machine, "address", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", machine, "link", "set", "eth0", "up")
            _ip("-n", machine, "link", "set", "lo", "up")

    def remove(self) -> None:
        """Remove all of it."""
        for name in (*self.addresses, "switch"):
            subprocess.run(
                ["ip", "netns", "delete", f"{self._prefix}-{name}"], capture_output=True, check=False
            )


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """A network for as long as the block lasts."""
    built = Network(names)
    try:
        built.build()
        yield built
    finally:
        built.remove()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
