"""The live service, as a service: what a recorder and a probe stand in front of."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from .errors import CertificateError, UpstreamError
from .protocol.routes import IMAGE_HOST
from .service import Service
from .wire import ConnectionLost, Request, Response

# Framing that the next hop makes anew, and an encoding that httpx has already undone.
_HOP = frozenset(
    ("connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding")
)
# What httpx raises before anything of a request was sent.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_TIMEOUT = 60.0

_UNTRUSTED = "; name its CA's certificate with --ca-file (ca_file=), or in SSL_CERT_FILE"

LIVE = "wanx_sim.live"
"""The request extension that marks a request as meant for the live service: none intercepts it."""


class Upstream(Service):
    """A live service behind a URL.

    Requests go there whatever host they name, but for those to the service's image hosts, which
    go where they say.

    Args:
        url: the service, with or without ``/api/v1``.
        transport: an httpx transport to reach it by.
        ca_file: a PEM file of certificates to trust besides the public ones, for a service whose
            certificate is signed by a private CA. `SSL_CERT_FILE` names one that is trusted alone.

    Raises:
        ValueError: for what is no URL.
        CertificateError: for a ``ca_file`` that holds no certificate.
        UpstreamError: from a request, if the service cannot be reached.
        ConnectionLost: from a request that went out and got no whole answer.
    """

    blocking = True

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        ca_file: str | Path | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(
                f"an upstream is a URL such as https://dashscope.aliyuncs.com, not {url!r}"
            )
        self.scheme, self.host = parts.scheme, parts.netloc
        self._http = httpx.Client(
            transport=transport,
            timeout=_TIMEOUT,
            verify=True if ca_file is None else _trusting(ca_file),
        )

    def __repr__(self) -> str:
        return f"<Upstream {self.scheme}://{self.host}>"

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def handle(self, request: Request) -> Response:
        """The live service's answer."""
        headers = {k: v for k, v in request.headers.items() if k not in _HOP and k != "host"}
        headers["accept-encoding"] = "identity"
        try:
            answer = self._http.request(
                request.method,
                self._target(request),
                headers=headers,
                content=request.body,
                extensions={LIVE: True},
            )
        except _NEVER_SENT as error:
            hint = _UNTRUSTED if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""
            raise UpstreamError(
                f"cannot reach {self.scheme}://{self.host}: {error}{hint}"
            ) from error
        except httpx.TransportError as error:
            raise ConnectionLost(str(error)) from error
        kept = tuple((k, v) for k, v in answer.headers.multi_items() if k not in _HOP)
        return Response(answer.status_code, kept, answer.content)

    def _target(self, request: Request) -> str:
        query = f"?{request.query}" if request.query else ""
        if IMAGE_HOST.fullmatch(request.hostname):
            return f"{request.scheme}://{request.host}{request.path}{query}"
        return f"{self.scheme}://{self.host}{request.path}{query}"


def _trusting(ca_file: str | Path) -> ssl.SSLContext:
    """A context that trusts the public CAs and those of a file."""
    context: ssl.SSLContext = httpx.create_ssl_context()
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # an SSLError is one
        raise CertificateError(f"{ca_file} holds no CA certificate: {error}") from error
    return context
