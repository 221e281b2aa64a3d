"""Where the service is: its regions, and the base URL that a client ends up with."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION_VARIABLE = "WANX_REGION"
BASE_URL_VARIABLE = "DASHSCOPE_HTTP_BASE_URL"


class Region(StrEnum):
    """A region of the service. A key belongs to one and is refused by the other [documented]."""

    BEIJING = "beijing"
    SINGAPORE = "singapore"

    @property
    def base_url(self) -> str:
        """The region's public endpoint."""
        return f"https://{_HOSTS[self]}/api/v1"


_HOSTS = {
    Region.BEIJING: "dashscope.aliyuncs.com",
    Region.SINGAPORE: "dashscope-intl.aliyuncs.com",
}


def resolve_base_url(
    region: Region | str | None, base_url: str | None, environ: Mapping[str, str]
) -> str:
    """Return the base URL to use, without a slash at its end.

    A base URL says more than a region and so decides, wherever it comes from: an application that
    names its region can still be pointed at a stand-in by `DASHSCOPE_HTTP_BASE_URL`. For each of
    the two settings the argument beats the environment.

    Raises:
        ValueError: The region is unknown, or the base URL is not a plain http(s) URL.
    """
    url = base_url or environ.get(BASE_URL_VARIABLE)
    if url:
        return _checked(url.strip())
    return _region(region or environ.get(REGION_VARIABLE) or Region.BEIJING).base_url


def region_of(base_url: str) -> Region | None:
    """Return the region whose public host a base URL names, if it names one."""
    host = httpx.URL(base_url).host
    return next((region for region, known in _HOSTS.items() if known == host), None)


def _region(name: Region | str) -> Region:
    try:
        return Region(name.strip().lower())
    except ValueError:
        known = ", ".join(Region)
        raise ValueError(f"unknown region {name!r}; the regions are: {known}") from None


def _checked(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"the base URL is not a URL: {error}") from None
    # httpx would turn user:password@ into an Authorization header of its own, in place of the key.
    if parts.userinfo:
        raise ValueError("a base URL must not hold a user name or a password")
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError(f"the base URL must begin with http:// or https://, not {url!r}")
    if parts.query or parts.fragment:
        raise ValueError(f"a base URL has no query and no fragment: {url!r}")
    return url.rstrip("/")
