"""OSS V1 signed URLs: how a link is signed, and how it is checked.

[documented: OSS, "DDD signatures to URLs"; observed: the StringToSign that a
SignatureDoesNotMatch answer echoes]
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping

_SIGNED = re.compile(r"x-oss-.*|response-[a-z-]+|acl|versionId|symlink|restore|objectMeta|tagging")


def signed_resource(path: str, query: Mapping[str, str]) -> str:
    """What of a URL is signed: the object, and such parameters as change what is answered."""
    parts = [f"{k}={v}" if v else k for k, v in sorted(query.items()) if _SIGNED.fullmatch(k)]
    return f"{path}?{'&'.join(parts)}" if parts else path


def string_to_sign(
    verb: str,
    expires: str,
    resource: str,
    *,
    content_md5: str = "",
    content_type: str = "",
    oss_headers: str = "",
) -> str:
    """What a V1 signature is made over; ``resource`` is ``/bucket/key``, not percent-encoded."""
    return f"{verb}\n{content_md5}\n{content_type}\n{expires}\n{oss_headers}{resource}"


def signature(secret: str, text: str) -> str:
    """The base64 HMAC-SHA1 of a string to sign, not yet percent-encoded."""
    return b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()


def signed_query(key_id: str, secret: str, resource: str, expires: int) -> str:
    """The query of a link that may be read with GET until ``expires`` (epoch seconds)."""
    made = signature(secret, string_to_sign("GET", str(expires), resource))
    made = made.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")  # all there is to quote
    return f"Expires={expires}&OSSAccessKeyId={key_id}&Signature={made}"
