"""One fault on its way through one request, from its arrival to its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol import errors
from ..protocol.errors import Refusal
from ..wire import ConnectionLost, Response
from . import effects
from .armed import Armed, Faults

if TYPE_CHECKING:
    from ..clock import Clock


class Strike:
    """What befalls one request. Each step is called when the request has come so far."""

    def __init__(self, armed: Armed, faults: Faults, clock: Clock) -> None:
        self.fault = armed.fault
        self._armed, self._faults, self._clock = armed, faults, clock
        self._landed = False

    def arrived(self) -> Response | None:
        """The request is here, and nothing of it was looked at: an answer of the fault's own.

        Raises:
            ConnectionLost: if the connection breaks right here.
        """
        if not self.fault.early:
            return None
        self._landed = True
        if self.fault.raw:
            return effects.raw(self.fault)
        raise ConnectionLost(delivery=effects.delivery(self.fault, self._clock))

    def found_good(self) -> None:
        """The service has nothing against the request; raises `Refusal` if the fault has."""
        self._landed = True
        if self.fault.code is not None:
            raise Refusal(errors.by_code(self.fault.code), self.fault.message)

    def answered(self, response: Response) -> Response:
        """The answer as it leaves.

        Raises:
            ConnectionLost: if it does not.
        """
        if not self._landed:
            self._faults.give_back(self._armed)
            return response
        if self.fault.lost:
            raise ConnectionLost(delivery=effects.delivery(self.fault, self._clock))
        return effects.changed(response, self.fault, self._clock)
