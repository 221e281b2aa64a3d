"""Certificates for the service's names, from a CA that can vouch for nothing else.

Made with cryptography, which comes with the extra ``wanx-kit[tls]``. (trustme, built on it too,
makes CAs that hold for centuries and bear no name constraints; this one is trusted on people's
own machines, so it gets both.) No clock and no file here: `tls` has those.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .names import LOOPBACK_NETWORKS, SERVICE_NAMES

CA_LIFE = timedelta(days=90)
LEAF_LIFE = timedelta(days=30)
_SKEW = timedelta(hours=1)
"""How far a client's clock may be behind: a certificate begins that long before it is made."""

_PRINTED = 1 << 32


class Pair:
    """A certificate and its key, which no repr shows."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate, self.key = certificate, key

    def __repr__(self) -> str:
        subject, ends = self.certificate.subject.rfc4514_string(), self.ends
        return f"<Pair {subject}, until {ends:%Y-%m-%d}>"

    @property
    def ends(self) -> datetime:
        """When the certificate expires."""
        return self.certificate.not_valid_after_utc

    @property
    def pem(self) -> bytes:
        """The certificate alone: what may be shown."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def secret_pem(self) -> bytes:
        """The key, then the certificate."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.pem


def read(secret_pem: bytes) -> Pair:
    """The pair that `Pair.secret_pem` wrote.

    Raises:
        ValueError: if it is none, or key and certificate do not belong together.
    """
    key = load_pem_private_key(secret_pem, password=None)
    certificate = x509.load_pem_x509_certificate(secret_pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not of a kind that wanx-sim makes")  # noqa: TRY004 - the file
    if certificate.public_key() != key.public_key():
        raise ValueError("the key is not the certificate's")
    return Pair(certificate, key)


def new_authority(now: datetime) -> Pair:
    """A CA that holds for 90 days, and for servers of the service's names and loopback only."""
    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own, so that a client that still trusts the last one says "unknown issuer".
    name = _named(f"wanx-sim throw-away CA {x509.random_serial_number() % _PRINTED:08x}")
    builder = _builder(name, name, key, key, now - _SKEW, now + CA_LIFE)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(_permitted(), None), critical=True)
        .sign(key, SHA256())
    )
    return Pair(certificate, key)


def new_leaf(authority: Pair, now: datetime, *addresses: str) -> Pair:
    """A server's certificate for all names, 127.0.0.1, ::1 and further loopback addresses.

    It holds for 30 days, or as long as the CA if that is less.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    ends = min(now + LEAF_LIFE, authority.ends)
    names = [x509.DNSName(name) for name in (*SERVICE_NAMES, "localhost")]
    loopback = dict.fromkeys(("127.0.0.1", "::1", *addresses))
    alternatives = [*names, *(x509.IPAddress(ip_address(address)) for address in loopback)]
    certificate = (
        _builder(_named("wanx-sim"), issuer, key, authority.key, now - _SKEW, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(authority.key, SHA256())
    )
    return Pair(certificate, key)


def _permitted() -> list[x509.GeneralName]:
    # A constraint on a name is one on all below it, so a pattern loses its asterisk.
    names = sorted({name.removeprefix("*.") for name in SERVICE_NAMES})
    networks = [x509.IPAddress(ip_network(network)) for network in LOOPBACK_NETWORKS]
    return [*map(x509.DNSName, names), x509.DNSName("localhost"), *networks]


def _named(common: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "wanx-kit")
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    begins: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    # Key identifiers are what strict verifiers (Python 3.13's default) ask of every certificate.
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
