"""Who asks: the key, the workspace, and the place where both are valid."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from wanx_client import __version__
from wanx_client.errors import AuthenticationError
from wanx_client.regions import Region, region_of, resolve_base_url

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_VARIABLE = "DASHSCOPE_API_KEY"
USER_AGENT: str = f"wanx-kit/{__version__}"

# Anything else is refused here: h11 quotes an illegal header value in its error, key and all.
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A key, a base URL and perhaps a workspace. The key never shows in its repr."""

    api_key: str = field(repr=False)
    base_url: str
    workspace: str | None = None

    @classmethod
    def resolve(
        cls,
        api_key: str | None,
        region: Region | str | None,
        base_url: str | None,
        workspace: str | None,
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """Fill what is not given from the environment, and check all of it."""
        if workspace is not None and not _HEADER_SAFE.fullmatch(workspace):
            raise ValueError(f"not a workspace id: {workspace!r}")
        return cls(
            api_key=_checked_key(environ.get(KEY_VARIABLE, "") if api_key is None else api_key),
            base_url=resolve_base_url(region, base_url, environ),
            workspace=workspace,
        )

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request to the service, and of none to an image host."""
        headers = {"Authorization": f"Bearer {self.api_key}", "User-Agent": USER_AGENT}
        if self.workspace is not None:
            headers["X-DashScope-WorkSpace"] = self.workspace
        return headers

    @property
    def place(self) -> str:
        """The base URL, with the region's name if it is a public one."""
        region = region_of(self.base_url)
        return f"{self.base_url} ({region.name.title()})" if region else self.base_url

    def url(self, *segments: str) -> str:
        """Join path segments to the base URL, each quoted."""
        return "/".join([self.base_url, *(quote(segment, safe="") for segment in segments)])

    def redact(self, text: str) -> str:
        """Return *text* without the key, should an answer ever quote it."""
        return text.replace(self.api_key, "***")


def _checked_key(key: str) -> str:
    key = key.strip()
    if not key:
        raise AuthenticationError(
            f"No API key: set the environment variable {KEY_VARIABLE}, or pass api_key=."
        )
    if not _HEADER_SAFE.fullmatch(key):
        raise AuthenticationError(
            "The API key holds a space or another character that no key has: was it copied whole?"
        )
    return key
