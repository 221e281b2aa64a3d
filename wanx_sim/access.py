"""Who may ask: API keys, bound to a region."""

from __future__ import annotations

from collections.abc import Mapping

from .protocol import errors
from .protocol.catalogue import Region
from .protocol.errors import Refusal
from .wire import Request

ApiKeys = Mapping[str, Region]


def api_keys(given: Mapping[str, Region | str] | None) -> ApiKeys | None:
    """A mapping of keys to regions with the regions checked; raises ValueError."""
    if given is None:
        return None
    return {key: as_region(region) for key, region in given.items()}


def as_region(name: Region | str) -> Region:
    """The region of a name; raises ValueError with the names there are."""
    try:
        return Region(name)
    except ValueError:
        known = ", ".join(Region)
        raise ValueError(f"no region is called {str(name)!r}; known: {known}") from None


def authenticate(request: Request, region: Region, keys: ApiKeys | None) -> str:
    """The key of a request.

    Raises:
        Refusal: 401 if there is none, or if it is not valid in the region. A key of the other
            region is refused in the very words of a wrong one [observed].
    """
    header = request.headers.get("authorization", "").strip()
    if not header:
        raise Refusal(errors.NO_API_KEY)
    scheme, _, key = header.partition(" ")
    key = key.strip()
    known = bool(key) if keys is None else keys.get(key) is region
    if scheme.lower() != "bearer" or not known:
        raise Refusal(errors.INVALID_API_KEY)
    return key
