"""A dry run: what a recording would buy, said beforehand, and nothing bought."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus

from ..clock import Clock
from ..protocol.catalogue import Region
from ..protocol.routes import region_of
from ..service import Service
from ..simulator import Simulator
from ..wire import Request, Response
from . import redaction, secrets
from .budget import Purchase, purchase
from .cache import Cache
from .cached import is_fresh, upstream_host
from .matching import asked
from .reading import about, json_of, key_of


class DryRun(Service):
    """Answers as a simulator does, and tells what each create would buy of the live service.

    Use it before a recording: the whole program runs through, and nothing is sent or written.
    Magic prompts are off, since the live service knows none.

    Args:
        upstream: the live service, for the prices of its region. Nothing is sent there.
        cache: a development cache whose jobs would not be bought; it is only read.
        max_age: how long ago those may have been bought.
        budget: CNY that the recording may spend, if it was said.
        clock: the time of the simulator; default the real one.
        tell: takes each line, and at the end the total.

    Raises:
        SecretFoundError: from a create that a recorder would refuse for what it holds.
    """

    def __init__(
        self,
        upstream: Service,
        *,
        cache: Cache | None = None,
        max_age: timedelta | None = None,
        budget: float | None = None,
        clock: Clock | None = None,
        tell: Callable[[str], object],
    ) -> None:
        host = upstream_host(upstream)
        self._host = host
        self._region = region_of(Request(method="GET", host=host), Region.BEIJING)
        self._simulator = Simulator(
            timing="fast", region=self._region, magic_prompts=False, clock=clock, seed=None
        )
        self._cache, self._max_age = cache, max_age
        self._budget = None if budget is None else Decimal(str(budget))
        self._upstream, self._tell = upstream, tell
        self._bought: list[Purchase] = []
        self._keys: set[str] = set()

    def __repr__(self) -> str:
        return f"<DryRun of {self._upstream}>"

    @property
    def cost(self) -> Decimal:
        """CNY that the creates so far would cost, as far as their prices are known."""
        return sum((each.price or Decimal(0) for each in self._bought), Decimal(0))

    def handle(self, request: Request) -> Response:
        """The simulator's answer."""
        operation, _ = about(request)
        if operation == "create":
            secrets.check(
                redaction.scrubbed(asked(request, "create"), key_of(request)),
                "a recorder would not send this create",
            )
        response = self._simulator.handle(request)
        if operation == "create":
            self._note(request, response)
        return response

    def _note(self, request: Request, response: Response) -> None:
        form = asked(request, "create")
        bought = purchase(form, self._region)
        if response.status != HTTPStatus.OK:
            code = json_of(response).get("code")
            self._tell(f"would be refused with {response.status} {code}: {bought}")
        elif self._cache and self._cached(self._cache.key(self._host, form)):
            self._tell(f"would come from the cache: {bought}")
        else:
            self._bought.append(bought)
            self._tell(f"would buy {bought}")

    def _cached(self, key: str) -> bool:
        """Whether a request would be answered from the cache, the second of this run included."""
        if key in self._keys:
            return True
        self._keys.add(key)
        kept = self._cache.get(key) if self._cache and self._cache.exists else None
        return kept is not None and is_fresh(kept, datetime.now(UTC), self._max_age)

    def close(self) -> None:
        """Tell the total."""
        self._simulator.close()
        images = sum(each.images for each in self._bought)
        unknown = sum(each.price is None for each in self._bought)
        total = f"a recording would buy {images} image(s) for ¥{self.cost:.2f}"
        total += f", and {unknown} create(s) at an unknown price" if unknown else ""
        if self._budget is not None and self.cost > self._budget:
            total += f", which is more than the budget of ¥{self._budget}"
        self._tell(f"{total}; nothing was bought")
