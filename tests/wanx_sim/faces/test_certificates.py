"""What the throw-away CA vouches for, as OpenSSL judges it; and for how long."""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from wanx_sim.faces import certificates
from wanx_sim.faces.names import SERVICE_NAMES

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority():
    return certificates.new_authority(NOW)


@pytest.fixture
def shake(tmp_path):
    """Lets a client that trusts the CA meet a server with the leaf; raises what the client does."""

    def shaken(authority, leaf, name, *, flags=0):
        path = tmp_path / "leaf.pem"
        path.write_bytes(leaf.secret_pem)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(path)
        client = ssl.create_default_context(cadata=authority.pem.decode())
        client.verify_flags |= flags
        here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [
            client.wrap_bio(here, there, server_hostname=name),
            server.wrap_bio(there, here, server_side=True),
        ]
        for _ in range(3):
            for end in ends:
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        assert ends[0].getpeercert()

    return shaken


HOSTS = [name.replace("*", "dashscope-any") for name in SERVICE_NAMES]


@pytest.mark.parametrize("name", [*HOSTS, "localhost", "127.0.0.1", "::1", "127.0.0.9"])
def test_every_name_is_accepted_strictly(name, authority, shake):
    """Strictly: as Python from 3.13 on verifies by default."""
    leaf = certificates.new_leaf(authority, NOW, "127.0.0.9")
    shake(authority, leaf, name, flags=ssl.VERIFY_X509_STRICT)


@pytest.mark.parametrize("name", ["ecs.aliyuncs.com", "oss-cn-beijing.aliyuncs.com", "127.0.0.8"])
def test_a_certificate_is_for_no_other_name(name, authority, shake):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not match|not valid"):
        shake(authority, certificates.new_leaf(authority, NOW), name)


@pytest.mark.parametrize("name", ["www.example.com", "ecs.aliyuncs.com", "wanx.internal"])
def test_a_stolen_key_signs_for_no_other_name(name, authority, shake, monkeypatch):
    monkeypatch.setattr(certificates, "SERVICE_NAMES", (name,))
    stolen = certificates.new_leaf(authority, NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(authority, stolen, name)


@pytest.mark.parametrize("address", ["192.168.1.5", "10.0.0.1", "8.8.8.8", "fe80::1"])
def test_a_stolen_key_signs_for_no_other_address(address, authority, shake):
    stolen = certificates.new_leaf(authority, NOW, address)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(authority, stolen, address)


def test_a_leaf_signs_nothing(authority, shake):
    leaf = certificates.new_leaf(authority, NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(authority, certificates.new_leaf(leaf, NOW), "localhost")


def test_the_ca_holds_for_90_days_and_a_leaf_for_30(authority):
    assert authority.ends == (NOW + timedelta(days=90)).replace(microsecond=0)
    leaf = certificates.new_leaf(authority, NOW)
    assert leaf.ends == (NOW + timedelta(days=30)).replace(microsecond=0)


def test_a_leaf_never_outlives_its_ca(authority):
    late = certificates.new_leaf(authority, NOW + timedelta(days=80))
    assert late.ends == authority.ends


def test_a_pair_is_read_back_from_what_it_wrote(authority):
    assert certificates.read(authority.secret_pem).pem == authority.pem


def test_a_key_and_a_certificate_that_do_not_belong_together_are_refused(authority):
    key = certificates.new_authority(NOW).secret_pem.removesuffix(authority.pem)
    with pytest.raises(ValueError, match="not the certificate's"):
        certificates.read(key.partition(b"-----BEGIN CERT")[0] + authority.pem)


def test_no_key_shows_in_a_repr(authority):
    assert "CN=wanx-sim throw-away CA" in repr(authority)
    assert "PRIVATE" not in repr(authority)


def test_two_authorities_have_names_of_their_own(authority):
    another = certificates.new_authority(NOW)
    assert another.certificate.subject != authority.certificate.subject
