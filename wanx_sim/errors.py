"""The errors of `wanx_sim`, one tree.

* WanxSimError
  * StoreError: a store cannot be opened, read or written
    * StoreUnavailableError: not now, but it may be again
  * ServeError: a server cannot start
  * CertificateError: the throw-away CA cannot be made, kept or used
  * CassetteError: a cassette cannot be read, written or trusted
    * SecretFoundError: something shaped like a secret would have been written to one
  * UpstreamError: the service behind a recorder did not answer
    * AmbiguousCreateError: it may have been bought already, so it is not sent again

Some are AssertionErrors instead: they fail a test, and no retry can mistake them for a fault of
the network.

* CassetteMissError: a request that no recording answers
  * CassetteExpiredError: what answers it was recorded too long ago
* BudgetExceededError: a create that would cost more than a recorder may spend
* NetworkBlockedError: a test tried to leave this machine under ``--wanx-block-network``

And one is not even an Exception, so that the loop that it ends cannot go on:

* EndlessSleepError: an application under virtual time sleeps again and again, without end

A warning, for what is only bad manners:

* WanxEtiquetteWarning: what the real service, or its bill, would not forgive (`check_etiquette`)

What the *simulated service* refuses is none of these: that is an answer, not an error of ours
(`protocol.errors`).
"""

from __future__ import annotations


class WanxSimError(Exception):
    """Something `wanx_sim` cannot do; the message says what is wrong and what to do."""


class StoreError(WanxSimError):
    """A store cannot be opened, read or written."""


class StoreUnavailableError(StoreError):
    """A store cannot be reached at the moment; the request may be sent again."""


class ServeError(WanxSimError):
    """A server cannot start."""


class CertificateError(WanxSimError):
    """The throw-away CA cannot be made, kept or used."""


class CassetteError(WanxSimError):
    """A cassette cannot be read, written or trusted."""


class SecretFoundError(CassetteError):
    """Something shaped like a secret would have been written to a cassette; nothing was."""


class UpstreamError(WanxSimError):
    """The service behind a recorder did not answer."""


class AmbiguousCreateError(UpstreamError):
    """The same create went out before and its answer was lost; it was not sent again."""


class CassetteMissError(AssertionError):
    """A request that nothing in the cassette answers, with the nearest that it holds."""


class CassetteExpiredError(CassetteMissError):
    """What answers a request was recorded longer ago than the player accepts."""


class BudgetExceededError(AssertionError):
    """A create that would cost more than a recorder may spend; it was not sent."""


class NetworkBlockedError(AssertionError):
    """A test tried to leave this machine under ``--wanx-block-network``; nothing was sent."""


class WanxEtiquetteWarning(UserWarning):
    """What an application did that the real service, or its bill, would not forgive."""


class EndlessSleepError(BaseException):
    """An application under virtual time sleeps again and again; it would never end."""
