"""TLS with a throw-away CA, for clients that insist on HTTPS or on the service's own host.

The CA is made once and kept in the user's data folder, so that a client is told once to trust it.
It is made anew while it still holds for longer than any certificate it signs, so what it signed
never outlives it. Its key is readable by its owner alone and never leaves the folder; a server's
certificate is made when the server starts, and anew when half of its 30 days are over.

Certificates follow the real time, not a simulator's: it is real clients that check them.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp
from types import ModuleType
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from ..errors import CertificateError
from .names import loopback_address

if TYPE_CHECKING:
    from .certificates import Pair

CERTIFICATE = "ca.pem"
_SECRET = "ca-with-key.pem"  # noqa: S105 - a file's name
_LOCK = ".lock"
_PATIENCE = 10
"""Seconds to wait for another process that is making the CA; it takes milliseconds."""


def default_folder() -> Path:
    """Where the CA is kept, in the user's data folder."""
    return user_data_path("wanx-sim", appauthor=False) / "ca"


def _now() -> datetime:
    return datetime.now(UTC)


def _certificates() -> ModuleType:
    try:
        from . import certificates  # noqa: PLC0415 - cryptography is an extra, and slow to load
    except ImportError as error:
        raise CertificateError(
            f"TLS and the forward proxy need a package more ({error}): pip install 'wanx-kit[tls]'"
        ) from error
    return certificates


class CertificateAuthority:
    """The throw-away CA of a folder; it is made when it is first needed, and anew in time.

    Use it to tell clients what to trust (`ca_file`), and to hand a server a folder of its own:
    ``sim.serve(tls=CertificateAuthority(tmp_path))``.

    Args:
        folder: where it is kept; default ``ca`` in the user's data folder of wanx-sim.
        now: the time; default the real one. Aware.
    """

    def __init__(
        self, folder: str | Path | None = None, *, now: Callable[[], datetime] = _now
    ) -> None:
        self.folder = Path(folder).expanduser().absolute() if folder else default_folder()
        self._now = now

    def __repr__(self) -> str:
        return f"<CertificateAuthority {self.folder}>"

    @property
    def ca_file(self) -> Path:
        """The file that clients are told to trust. It holds no key.

        Raises:
            CertificateError: if the folder cannot be used, or the extra is missing.
        """
        self._pair()
        return self.folder / CERTIFICATE

    def certificate(self) -> str:
        """What `ca_file` holds: the CA's certificate, PEM.

        Raises:
            CertificateError: as `ca_file`.
        """
        return self._pair().pem.decode("ascii")

    def renew(self) -> None:
        """Make a new CA at once: what trusts the old one no longer trusts servers started later.

        Raises:
            CertificateError: as `ca_file`.
        """
        with self._trouble(), self._locked():
            self._make()

    def context(self, host: str = "127.0.0.1") -> ssl.SSLContext:
        """What a server that listens on this host shows its clients, for as long as it runs.

        Raises:
            CertificateError: as `ca_file`; or for a host that others can reach by an address,
                since the CA vouches for the service's names and this machine alone.
        """
        try:
            address = loopback_address(host)
        except ValueError as error:
            raise CertificateError(
                f"no certificate for {host!r} ({error}): the CA vouches for the service's names "
                "and this machine alone. Listen on 127.0.0.1; or on 0.0.0.0, and let clients "
                "elsewhere ask for a name of the service, such as dashscope.aliyuncs.com"
            ) from None
        addresses = (address,) if address else ()
        half = _certificates().LEAF_LIFE / 2
        listening, due = self._fresh(addresses), self._now() + half
        current = listening

        def renew(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            """Called with every connection, before it is shown a certificate."""
            nonlocal current, due
            if self._now() > due:
                # If none can be made, the last one still holds for the other half of its life.
                with suppress(CertificateError):
                    current, due = self._fresh(addresses), self._now() + half
            connection.context = current

        listening.sni_callback = renew
        return listening

    def _fresh(self, addresses: tuple[str, ...]) -> ssl.SSLContext:
        leaf = _certificates().new_leaf(self._pair(), self._now(), *addresses)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # The ssl module reads keys from files only; this one is gone before a client comes.
        with self._trouble(), TemporaryDirectory(prefix="wanx-sim-") as folder:
            path = Path(folder) / "leaf.pem"
            path.touch(0o600)
            path.write_bytes(leaf.secret_pem)
            context.load_cert_chain(path)
        return context

    # --- the folder ------------------------------------------------------------------------------

    def _pair(self) -> Pair:
        with self._trouble():
            pair = self._read()
            if pair is None or not self._shows(pair):
                with self._locked():
                    # Another process may have made it while this one waited.
                    pair = self._read() or self._make()
                    if not self._shows(pair):
                        self._write(CERTIFICATE, pair.pem, 0o644)
        return pair

    def _read(self) -> Pair | None:
        """The CA in the folder; None if there is none that may be used."""
        path = self.folder / _SECRET
        if not path.exists():
            return None
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            return None  # others could read the key, so it is no secret any more
        certificates = _certificates()
        try:
            pair: Pair = certificates.read(path.read_bytes())
        except ValueError:
            return None
        return pair if pair.ends - self._now() > certificates.LEAF_LIFE else None

    def _make(self) -> Pair:
        pair: Pair = _certificates().new_authority(self._now())
        self._write(_SECRET, pair.secret_pem, 0o600)
        self._write(CERTIFICATE, pair.pem, 0o644)
        return pair

    def _shows(self, pair: Pair) -> bool:
        path = self.folder / CERTIFICATE
        return path.exists() and path.read_bytes() == pair.pem

    def _write(self, name: str, content: bytes, mode: int) -> None:
        """Put a file in its place whole, so that nobody reads half of it."""
        handle, path = mkstemp(dir=self.folder, prefix=".new-")  # its mode is 0600
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 - an open file, not a path
                file.write(content)
            Path(path).chmod(mode)
            Path(path).replace(self.folder / name)
        finally:
            Path(path).unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self.folder / _LOCK, timeout=_PATIENCE):
            yield

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (OSError, Timeout) as error:
            raise CertificateError(
                f"the throw-away CA in {self.folder} cannot be used ({error}): make room or "
                "access there, or name another data folder (XDG_DATA_HOME, on Linux)"
            ) from error
