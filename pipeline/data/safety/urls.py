"""The machines that a data set's URLs lead to, and those that are local to this machine."""

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
"""Schemes that are followed by a host. Those of object stores (s3, gs, abfs) are followed by a bucket."""

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
"""Schemes that contact no other machine, or only wrap the next link of a chain."""


def asked(location: str) -> list[str]:
    """Scheme and host (or bucket) of each link of an fsspec URL that contacts a machine.

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
    """The first host of an fsspec URL that is this machine or on its local link; None if there is none."""
    for link in _links(location):
        scheme, separator, _ = link.partition("://")
        if not separator or scheme.lower() not in _OF_HOSTS:
            continue
        try:
            host = urlsplit(link).hostname
        except ValueError:  # such as an address with a single bracket, which cannot be opened
            continue
        if host and _is_local(host):
            return host
    return None


def _links(location: str) -> list[str]:
    """The links of a chained URL. Two colons in brackets belong to an IPv6 address."""
    return re.split(r"::(?![^\[\]]*\])", location)


@lru_cache(maxsize=1024)
def _is_local(host: str) -> bool:
    """Whether a host is local: by name, by address in any notation (127.1, 0x7f000001), or by name resolution."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        found = socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False  # it cannot be contacted
    return any(_is_local_address(str(address[0])) for *_, address in found)


def _is_local_address(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified
