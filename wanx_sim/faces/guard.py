"""Who may ask a server of ours: no hostile web page, and nobody from elsewhere without a token.

A web page can make its visitor's browser send requests to a loopback port. Two things keep it out:

* **Host**: a page that points its own name at 127.0.0.1 (DNS rebinding) could read the answers,
  but its requests carry that name. Only names are answered that no stranger can own.
* **Origin**: browsers say which page a POST or DELETE comes from; another page's is refused.

No answer carries a CORS header, so no page of another origin reads any. The service's own paths
need no Origin check: they want an Authorization header, which no foreign page may send unasked.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import msgspec

from .names import reaches

_RESERVED = (".localhost", ".test", ".internal")
"""Ends of names that no registry sells (RFC 6761; .internal: ICANN), as host.docker.internal."""

_SAFE_METHODS = ("GET", "HEAD")


class Denial(msgspec.Struct, frozen=True):
    """Why a request is not answered."""

    status: int
    message: str


@dataclass(frozen=True)
class Guard:
    """What one server lets in.

    Args:
        hosts: more names to answer at, besides IP addresses, names without a dot, names under
            .localhost, .test and .internal, and the real service's own.
        any_host: whether the service, not ``/_sim/``, answers at every name.
        token: what ``/_sim/`` asks for; None lets in whoever comes from this machine.
    """

    hosts: frozenset[str] = frozenset()
    any_host: bool = False
    token: str | None = field(default=None, repr=False)

    def denies(self, host: str) -> Denial | None:
        """Why nothing is answered at a Host header; None lets the request in."""
        return None if self.any_host else self._unknown(host)

    def denies_control(
        self, method: str, headers: Mapping[str, str], peer: str | None, *, secret: bool = True
    ) -> Denial | None:
        """Why ``/_sim/`` is not answered.

        Args:
            method: of the request.
            headers: of the request; names are lower case.
            peer: the address that it comes from.
            secret: whether the token is wanted; not for the console's page, which asks for it.
        """
        return self._stranger(headers, peer, secret=secret) or _foreign(method, headers)

    def _stranger(
        self, headers: Mapping[str, str], peer: str | None, *, secret: bool
    ) -> Denial | None:
        if self.token is not None:
            proven = not secret or _presented(headers, self.token)
            return None if proven else Denial(401, _UNPROVEN)
        if not _local(peer):
            return Denial(403, _ELSEWHERE)
        return self._unknown(headers.get("host", ""))

    def _unknown(self, host: str) -> Denial | None:
        name = hostname(host)
        if name in self.hosts or _nobodys(name):
            return None
        return Denial(403, _UNKNOWN_HOST.format(name=name))


_UNPROVEN = (
    "/_sim/ needs this server's admin token: send it in the header X-Wanx-Admin-Token, or as a "
    "bearer; it is what --admin-token says, or was printed at the start"
)
_ELSEWHERE = (
    "/_sim/ answers without a token only to this machine: give the server one (--admin-token, "
    "admin_token=) and send it in the header X-Wanx-Admin-Token"
)
_UNKNOWN_HOST = (
    "this server does not answer at {name!r}, so that no web page can reach it by a name of its "
    "own: allow the name with --allow-host (allow_hosts=), or ask at localhost"
)
_FOREIGN_PAGE = (
    "a web page of another origin cannot change anything at /_sim/; call it from outside a "
    "browser, or from a page of this server"
)


# Asked at every request, and servers are asked at one or two names.
@lru_cache(maxsize=256)
def hostname(host: str) -> str:
    """The name in a Host header or the authority of a URL: no port, no brackets, lower case."""
    name, colon, port = host.rpartition(":")
    name = name if colon and port.isdigit() else host
    return name.removeprefix("[").removesuffix("]").removesuffix(".").lower()


def loopback(name: str) -> bool:
    """Whether an address or a name is this machine's own."""
    address = _address(name)
    return name.lower() == "localhost" if address is None else address.is_loopback


def guard_of(
    bound: str, *, public_url: str | None, token: str | None, allow_hosts: Iterable[str] = ()
) -> Guard:
    """The guard of a server that listens on an address.

    On loopback no token is needed unless one is given. Elsewhere the service answers at any name,
    since a container's is not ours to know, and ``/_sim/`` wants the token, which must be given.
    """
    more = {hostname(name) for name in allow_hosts}
    more |= {urlsplit(public_url).hostname or ""} if public_url else set()
    more.add(hostname(bound))
    return Guard(hosts=frozenset(more - {""}), any_host=not loopback(bound), token=token)


@lru_cache(maxsize=256)
def _nobodys(name: str) -> bool:
    """Whether no stranger can own a name, so that no page can have it."""
    return (
        "." not in name
        or name.endswith(_RESERVED)
        or reaches(name)  # by a hosts file, a proxy or a certificate of ours
        or _address(name) is not None
    )


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _local(peer: str | None) -> bool:
    """Whether a request comes from this machine: a loopback address, or (in process) none."""
    return peer is None or _address(peer) is None or loopback(peer)


def _presented(headers: Mapping[str, str], token: str) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    given = given.strip() if scheme.lower() == "bearer" else ""
    given = headers.get("x-wanx-admin-token", given)
    return hmac.compare_digest(given.encode(), token.encode())


def _foreign(method: str, headers: Mapping[str, str]) -> Denial | None:
    origin = headers.get("origin")
    if origin is None or method in _SAFE_METHODS:
        return None
    own = urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    return None if own else Denial(403, _FOREIGN_PAGE)
