"""What the image host answers: OSS with V1 signed URLs.

The order of the checks is OSS's own: is the link well-formed, has it expired, is the key id
known, is the signature right, is there such an object. So an expired link to an object that is
gone still says *expired* [inferred from the documented order].
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import md5, sha256
from urllib.parse import parse_qsl, unquote

import msgspec

from ..wire import Headers, Request, Response
from . import conditions
from .behaviour import Behaviour
from .crc64 import crc64
from .links import KEY_ID, SECRET
from .refusal import Refusal
from .signing import signature, signed_resource, string_to_sign
from .times import http_date, iso_time

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)

_URL_PAGE = "OSS page on signatures in URLs"

BEHAVIOURS = (
    Behaviour(
        "oss.order",
        "expiry is tested first, then the key id, the signature, and the object",
        "assumed",
        f"{_URL_PAGE} says expiry before signature; the rest follows from what answers say",
    ),
    Behaviour(
        "oss.expired",
        "403 AccessDenied, EC 0002-00000069, with Expires and ServerTime",
        "observed",
        "an expired link's answer of 2025-02",
    ),
    Behaviour(
        "oss.expires-malformed",
        "403 AccessDenied for an Expires that is absent, blank or no number: EC 0002-00000067, "
        "-68, -70",
        "documented",
        "OSS error pages; the messages are ours",
    ),
    Behaviour(
        "oss.key-id",
        "403 InvalidAccessKeyId for another key id, EC 0002-00000902",
        "documented",
        "OSS error page",
    ),
    Behaviour(
        "oss.signature",
        "403 SignatureDoesNotMatch with what was signed, EC 0002-00000040",
        "observed",
        "a recorded answer",
    ),
    Behaviour(
        "oss.key-unencoded",
        "the key is signed as it is called, not as the path spells it",
        "documented",
        _URL_PAGE,
    ),
    Behaviour(
        "oss.head",
        "HEAD on a link signed for GET is refused: the method is signed",
        "observed",
        "langgenius/dify#2738",
    ),
    Behaviour(
        "oss.signed-headers",
        "Content-Type, Content-MD5 and x-oss-* headers are signed: sending one breaks a link",
        "documented",
        _URL_PAGE,
    ),
    Behaviour(
        "oss.subresources",
        "x-oss-process, response-content-type and their like are signed: adding one breaks a link",
        "documented",
        _URL_PAGE,
    ),
    Behaviour(
        "oss.two-signatures",
        "an Authorization header beside a signature in the URL is refused, EC 0002-00000039",
        "documented",
        "OSS error page 0002-00000039; status 400 and code InvalidArgument are assumed",
    ),
    Behaviour(
        "oss.no-signature",
        "403 AccessDenied, EC 0003-00000001: the bucket is private",
        "assumed",
        "what OSS says of private buckets in general",
    ),
    Behaviour(
        "oss.missing",
        "404 NoSuchKey, EC 0026-00000001",
        "observed",
        "recorded answers; OSS error page",
    ),
    Behaviour(
        "oss.xml",
        "errors are application/xml, x-oss-ec repeats EC, RecommendDoc links to it",
        "observed",
        "recorded answers",
    ),
    Behaviour(
        "oss.headers",
        "Server, x-oss-request-id, ETag (MD5), Content-MD5, x-oss-hash-crc64ecma, Last-Modified, "
        "Accept-Ranges and the x-oss-* of a plain object",
        "documented",
        "OSS page on GetObject",
    ),
    Behaviour(
        "oss.range",
        "one range gives 206, several or a wrong one the whole with 200",
        "documented",
        "OSS page on GetObject",
    ),
    Behaviour(
        "oss.conditional",
        "If-None-Match and If-Modified-Since give 304, If-Match and If-Unmodified-Since 412",
        "documented",
        "OSS page on GetObject; the EC of PreconditionFailed is assumed",
    ),
    Behaviour(
        "oss.content-type",
        "pictures are image/png",
        "assumed",
        "their names end in .png; no recording shows it",
    ),
    Behaviour(
        "oss.no-cors",
        "no Access-Control headers: a page of another origin cannot read a picture",
        "observed",
        "users who needed a proxy",
    ),
)


class StoredObject(msgspec.Struct, frozen=True):
    """One object of a bucket: its bytes, when they were stored, whether its links were cut."""

    content: Callable[[], bytes]
    modified: float
    links_cut: bool = False


Find = Callable[[str, str], StoredObject | None]
"""Looks an object up by bucket and key."""


_NO_EC = "0000-00000000"


def respond(request: Request, bucket: str, raw_key: str, now: float, find: Find) -> Response:
    """The answer to a request for an object; ``raw_key`` is percent-encoded, as it came."""
    key = unquote(raw_key)
    found = find(bucket, key)
    problem = _problem(request, bucket, key, now, found)
    if problem is None and found is None:
        missing = "The specified key does not exist."
        problem = _Problem(404, "NoSuchKey", missing, "0026-00000001", {"Key": key})
    if problem or found is None:
        return _error(problem, request, now) if problem else Response(500)
    return _object(request, found, now)


def refused(request: Request, refusal: Refusal, now: float) -> Response:
    """A refusal in the image host's own words, for a fault that strikes a download.

    No such answer was recorded: the code is the service's, the EC is made up [assumed].
    """
    return _error(_Problem(refusal.status, refusal.code, refusal.message, _NO_EC, {}), request, now)


class _Problem(msgspec.Struct, frozen=True):
    status: int
    code: str
    message: str
    ec: str
    details: dict[str, str]


def _problem(
    request: Request, bucket: str, key: str, now: float, found: StoredObject | None
) -> _Problem | None:
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    signed = "Signature" in query or "Expires" in query
    if signed and "authorization" in request.headers:
        says = "The header and the URL of a request cannot both carry a signature."
        return _Problem(400, "InvalidArgument", says, "0002-00000039", {})
    if not signed:
        acl = "You have no right to access this object because of bucket acl."
        return _Problem(403, "AccessDenied", acl, "0003-00000001", {})
    return (
        _expiry_problem(query.get("Expires"), now, cut=bool(found and found.links_cut))
        or _key_id_problem(query.get("OSSAccessKeyId", ""))
        or _signature_problem(request, signed_resource(f"/{bucket}/{key}", query), query)
    )


def _expiry_problem(expires: str | None, now: float, *, cut: bool) -> _Problem | None:
    if expires is None:
        return _Problem(403, "AccessDenied", "Expires is missing.", "0002-00000067", {})
    if not expires.strip():
        return _Problem(403, "AccessDenied", "Expires is empty.", "0002-00000068", {})
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 11):  # noqa: PLR2004
        return _Problem(403, "AccessDenied", "Expires is not a number.", "0002-00000070", {})
    if now <= int(expires) and not cut:
        return None
    moment = min(int(expires), now - 1) if cut else int(expires)
    details = {"Expires": _whole(moment), "ServerTime": _whole(now)}
    return _Problem(403, "AccessDenied", "Request has expired.", "0002-00000069", details)


def _whole(moment: float) -> str:
    return iso_time(int(moment))


def _key_id_problem(key_id: str) -> _Problem | None:
    if key_id == KEY_ID:
        return None
    says = "The OSS Access Key Id you provided does not exist in our records."
    details = {"OSSAccessKeyId": key_id}
    return _Problem(403, "InvalidAccessKeyId", says, "0002-00000902", details)


def _signature_problem(request: Request, resource: str, query: dict[str, str]) -> _Problem | None:
    # A link is signed for GET with no headers: HEAD, a Content-Type or a Content-MD5 breaks it,
    # as it does for users of the real one (langgenius/dify#2738).
    own = sorted((k, v) for k, v in request.headers.items() if k.startswith("x-oss-"))
    text = string_to_sign(
        request.method,
        query["Expires"],
        resource,
        content_md5=request.headers.get("content-md5", ""),
        content_type=request.headers.get("content-type", ""),
        oss_headers="".join(f"{name}:{value}\n" for name, value in own),
    )
    given = query.get("Signature", "")
    if given == signature(SECRET, text):
        return None
    says = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    details = {
        "OSSAccessKeyId": query["OSSAccessKeyId"],
        "SignatureProvided": given,
        "StringToSign": text,
        "StringToSignBytes": text.encode().hex(" ").upper(),
    }
    return _Problem(403, "SignatureDoesNotMatch", says, "0002-00000040", details)


def _server_headers(request: Request, now: float) -> tuple[str, Headers]:
    mark = sha256(f"{request.path}{now}".encode()).hexdigest()[:24].upper()
    return mark, (
        ("server", "AliyunOSS"),
        ("date", http_date(now)),
        ("x-oss-request-id", mark),
        ("x-oss-server-time", "3"),
    )


def _error(problem: _Problem, request: Request, now: float) -> Response:
    from html import escape  # noqa: PLC0415 - its table of entities takes 1 ms of a start

    mark, headers = _server_headers(request, now)
    fields = {"Code": problem.code, "Message": problem.message, "RequestId": mark}
    fields |= {"HostId": request.hostname} | problem.details
    fields |= {
        "EC": problem.ec,
        "RecommendDoc": f"https://api.aliyun.com/troubleshoot?q={problem.ec}",
    }
    texts = {name: escape(text, quote=False) for name, text in fields.items()}
    lines = "\n".join(f"  <{name}>{text}</{name}>" for name, text in texts.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n{lines}\n</Error>\n'.encode()
    more: Headers = (("content-type", "application/xml"), ("x-oss-ec", problem.ec))
    return Response(problem.status, headers + more, b"" if request.method == "HEAD" else body)


@lru_cache(maxsize=128)
def _digests(content: bytes) -> tuple[bytes, int]:
    """MD5 and CRC-64 of a picture; asked for again it costs nothing."""
    return md5(content, usedforsecurity=False).digest(), crc64(content)


def _object(request: Request, found: StoredObject, now: float) -> Response:
    content = found.content()
    digest, checksum = _digests(content)
    _, headers = _server_headers(request, now)
    more: Headers = (
        ("content-type", "image/png"),
        ("accept-ranges", "bytes"),
        ("etag", f'"{digest.hex().upper()}"'),
        ("last-modified", http_date(found.modified)),
        ("x-oss-object-type", "Normal"),
        ("x-oss-hash-crc64ecma", str(checksum)),
        ("x-oss-storage-class", "Standard"),
    )
    etag = digest.hex()
    if condition := conditions.failed(request.headers, etag, found.modified):
        says = "At least one of the pre-conditions you specified did not hold."
        details = {"Condition": condition}
        return _error(_Problem(412, "PreconditionFailed", says, _NO_EC, details), request, now)
    if conditions.unchanged(request.headers, etag, found.modified):
        return Response(304, (*headers, *more))
    wanted = _wanted(request.headers.get("range", ""), len(content))
    if wanted is None:
        md5_header = ("content-md5", b64encode(digest).decode())
        return Response(200, (*headers, *more, md5_header), content)
    first, last = wanted
    place = ("content-range", f"bytes {first}-{last}/{len(content)}")
    return Response(206, (*headers, *more, place), content[first : last + 1])


def _wanted(text: str, size: int) -> tuple[int, int] | None:
    """The one range asked for; None is the whole, as for several ranges or a range not there."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    return (start, end) if start <= end else None
