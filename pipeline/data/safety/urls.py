"""Whom a data set asks over the network, and whom it must not ask unasked."""

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import urlsplit

from ...redact import redacted

_OF_HOSTS = {
    *(
        "http",
        "https",
        "ftp",
        "sftp",
        "ssh",
        "scp",
        "smb",
        "webdav",
        "webdavs",
        "dav",
        "davs",
        "webhdfs",
        "swebhdfs",
    ),
    *("hdfs", "git+http", "git+https", "ws", "wss", "jupyter", "dask"),
}
"""Schemes after which a host stands. After those of object stores (s3, gs, abfs) it is a bucket."""

_OF_NOBODY = {
    "file",
    "local",
    "memory",
    "zip",
    "tar",
    "data",
    "libarchive",
    "cached",
    "blockcache",
    "filecache",
    "simplecache",
}
"""Schemes that ask no other machine, or only wrap the next link of a chain."""


def asked(location: str) -> list[str]:
    """Scheme and host (or bucket) of each link of an fsspec URL that is a request to some machine.

    >>> asked("zip://a.png::https://host:8080/x.zip"), asked("s3://bucket/a.png"), asked("a.png")
    (['https://host:8080'], ['s3://bucket'], [])
    """
    found = []
    for link in _links(location):
        scheme, separator, rest = link.partition("://")
        if separator and scheme.lower() not in _OF_NOBODY:
            found.append(redacted(f"{scheme.lower()}://{rest.partition('/')[0]}"))
    return found


def local_host(location: str) -> str | None:
    """The first host of an fsspec URL that is this machine, or of this link only; None where there is none."""
    for link in _links(location):
        scheme, separator, _ = link.partition("://")
        if not separator or scheme.lower() not in _OF_HOSTS:
            continue
        try:
            host = urlsplit(link).hostname
        except ValueError:  # as of an address with one bracket, which nobody can open
            continue
        if host and _is_local(host):
            return host
    return None


def _links(location: str) -> list[str]:
    """Of a chain. Two colons in brackets are those of an address."""
    return re.split(r"::(?![^\[\]]*\])", location)


@lru_cache(maxsize=1024)
def _is_local(host: str) -> bool:
    """By name, by address in any notation that the system reads (127.1, 0x7f000001), and by what the name means."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        found = socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False  # nobody can ask it
    return any(_is_local_address(str(address[0])) for *_, address in found)


def _is_local_address(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified
