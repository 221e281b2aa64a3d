"""A row of the error table, and the exception that carries one."""

from __future__ import annotations

import msgspec

from .behaviour import Behaviour, Tag
from .catalogue import Region

_PAGES = {
    Region.BEIJING: "https://help.aliyun.com/zh/model-studio/error-code",
    Region.SINGAPORE: "https://www.alibabacloud.com/help/en/model-studio/error-code",
}

BEHAVIOURS = (
    Behaviour(
        "errors.help-links",
        "with help_links, messages of rows that have an anchor end in a link to the region's page",
        "observed",
        "answers collected in 2026; since about mid-2025",
    ),
)


class ErrorRow(msgspec.Struct, frozen=True):
    """One refusal: HTTP status, `code`, `message`, when it arises, and how we know.

    ``anchor`` is the section of the error-code page that the message may end with a link to, and
    ``linked`` says that it was never seen without. ``variants`` are other texts that the service
    was seen, or is documented, to use.
    """

    status: int
    code: str
    message: str
    when: str
    tag: Tag
    source: str
    anchor: str = ""
    linked: bool = False
    variants: tuple[str, ...] = ()


class Refusal(Exception):  # noqa: N818 - the service refuses; nothing of ours went wrong
    """A request the service answers with an error; the message may say more than its row."""

    def __init__(self, row: ErrorRow, message: str | None = None) -> None:
        self.row = row
        self.message = message or row.message
        super().__init__(f"{row.status} {row.code}: {self.message}")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.row.status

    @property
    def code(self) -> str:
        """The service's own `code`."""
        return self.row.code

    def worded(self, region: Region, *, help_links: bool) -> str:
        """The message as the gateway of a region sends it [observed: since about mid-2025]."""
        if not self.row.anchor or not (help_links or self.row.linked):
            return self.message
        return f"{self.message} For details, see: {_PAGES[region]}#{self.row.anchor}"
