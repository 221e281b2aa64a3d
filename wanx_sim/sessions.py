"""Sessions: on a shared server, each tester with a simulator of its own.

A request says which one it means by a header, ``X-Wanx-Session: NAME``, or by a parameter of its
query, ``x-wanx-session=NAME``: that is how the links to a session's pictures lead back to it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING

from .stores import Store
from .stores.memory import MemoryStore
from .wire import Request

if TYPE_CHECKING:
    from .simulator import Simulator

LIMIT = 1000
"""How many sessions a simulator keeps; the one unused for longest goes first."""

HEADER = "x-wanx-session"
"""The header, and the parameter of a query, that names a session."""

_IN_QUERY = f"{HEADER}="
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def asked(request: Request) -> str | None:
    """The session that a request names, if it names one; a link's own counts before a header."""
    if _IN_QUERY in request.query and HEADER in request.parameters:
        return request.parameters[HEADER]
    return request.headers.get(HEADER)


def linked(url: str, name: str | None) -> str:
    """A link that leads back to a session; its signature does not cover the addition."""
    return url if name is None else f"{url}&{HEADER}={name}"


class Sessions:
    """The sessions of one simulator by name, made when they are first asked for."""

    def __init__(self, make: Callable[[str], Simulator]) -> None:
        self._make = make
        self._named: OrderedDict[str, Simulator] = OrderedDict()
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"<Sessions {', '.join(self)}>"

    def __iter__(self) -> Iterator[str]:
        """The names, that of the latest used last."""
        return iter(list(self._named))

    def __len__(self) -> int:
        return len(self._named)

    def items(self) -> Iterable[tuple[str, Simulator]]:
        """The names with their simulators; to look at them is no use."""
        return list(self._named.items())

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def __getitem__(self, name: str) -> Simulator:
        """The session of that name, new if there is none yet.

        Raises:
            ValueError: for what cannot be a name.
        """
        with self._lock:
            if name not in self._named:
                self._named[checked(name)] = self._make(name)
                if len(self._named) > LIMIT:
                    self._named.popitem(last=False)
            self._named.move_to_end(name)
            return self._named[name]

    def __delitem__(self, name: str) -> None:
        """End a session; whoever names it again gets a new one.

        Raises:
            KeyError: if there is none of that name.
        """
        with self._lock:
            if name not in self._named:
                raise KeyError(f"no session is called {name!r}; there are {len(self)}")
            del self._named[name]


def checked(name: str) -> str:
    """A name, if it can be a session's; raises ValueError."""
    if not _NAME.fullmatch(name):
        # The name is not repeated: what is no name may be anything.
        raise ValueError("a session's name is 1 to 64 of the characters A-Z a-z 0-9 . _ -")
    return name


class SessionStore(MemoryStore):
    """Tasks of a session's own. Pictures are the same for all, so they lie in the shared store."""

    def __init__(self, shared: Store) -> None:
        super().__init__(keep=shared.keep)
        self._shared = shared

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """See `Store.picture`."""
        return self._shared.picture(key, render)
