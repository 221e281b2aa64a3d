"""The errors of `wanx_sim`, one tree.

* WanxSimError
  * StoreError: a store cannot be opened, read or written
  * ServeError: a server cannot start
  * CertificateError: the throw-away CA cannot be made, kept or used
  * CassetteError: a cassette cannot be read, written or trusted
  * UpstreamError: the service behind a recorder did not answer

Two are AssertionErrors instead: they fail a test, and no retry can mistake them for a fault of
the network.

* CassetteMissError: a request that no recording answers
* BudgetExceededError: a create that would cost more than a recorder may spend

What the *simulated service* refuses is none of these: that is an answer, not an error of ours
(`protocol.errors`).
"""

from __future__ import annotations


class WanxSimError(Exception):
    """Something `wanx_sim` cannot do; the message says what is wrong and what to do."""


class StoreError(WanxSimError):
    """A store cannot be opened, read or written."""


class ServeError(WanxSimError):
    """A server cannot start."""


class CertificateError(WanxSimError):
    """The throw-away CA cannot be made, kept or used."""


class CassetteError(WanxSimError):
    """A cassette cannot be read, written or trusted."""


class UpstreamError(WanxSimError):
    """The service behind a recorder did not answer."""


class CassetteMissError(AssertionError):
    """A request that nothing in the cassette answers, with the nearest that it holds."""


class BudgetExceededError(AssertionError):
    """A create that would cost more than a recorder may spend; it was not sent."""
