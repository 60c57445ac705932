"""The start of a connection: trust, SCRAM, negotiation of the protocol's version, and refusals."""

import base64
import hashlib
import hmac

import pytest

from pgstream.errors import InvalidAuthorizationSpecification, InvalidPassword, ProtocolViolation
from pgstream.session.handshake import Handshake
from pgstream.wire.backend import AUTHENTICATION_OK
from pgstream.wire.messages import AuthenticationReply, GssEncRequest, Query, SslRequest, Startup
from pgstream.wire.scram import Verifier
from pgstream.world import RealWorld

VERIFIER = Verifier.of("secret", b"0123456789abcdef")


def startup(minor: int = 0, unknown: tuple[str, ...] = (), **parameters: str) -> Startup:
    return Startup(minor, {"user": "ann", **parameters}, unknown)


def test_trust() -> None:
    handshake = Handshake(None, RealWorld())
    assert handshake.answer(GssEncRequest()) == b"N"
    assert handshake.answer(SslRequest()) == b"N"
    message = startup(application_name="x", options="-c work_mem=1MB", client_encoding="'utf-8'")
    assert handshake.answer(message) == AUTHENTICATION_OK
    met = handshake.introduction
    assert met is not None
    assert (met.user, met.database, met.minor, met.replication) == ("ann", "ann", 0, False)
    assert met.settings == {"work_mem": "1MB", "application_name": "x", "client_encoding": "utf-8"}


@pytest.mark.parametrize(
    ("minor", "unknown", "negotiated", "spoken"),
    [
        (0, (), b"", 0),
        (2, (), b"", 2),
        (1, (), b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0", 0),
        (9999, (), b"v\0\0\0\x0c\0\x03\0\x02\0\0\0\0", 2),
        (2, ("_pq_.x",), b"v\0\0\0\x13\0\x03\0\x02\0\0\0\x01_pq_.x\0", 2),
    ],
)
def test_negotiation(minor: int, unknown: tuple[str, ...], negotiated: bytes, spoken: int) -> None:
    handshake = Handshake(None, RealWorld())
    assert handshake.answer(startup(minor, unknown)) == negotiated + AUTHENTICATION_OK
    assert handshake.introduction is not None
    assert handshake.introduction.minor == spoken


def prove(handshake: Handshake, password: str) -> bytes:
    first = b"n,,n=,r=abc"
    reply = handshake.answer(AuthenticationReply(b"SCRAM-SHA-256\0" + len(first).to_bytes(4, "big") + first))
    assert reply[:1] == b"R"
    challenge = reply[9:].decode()
    pairs = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(pairs["s"]), int(pairs["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    bare = f"c=biws,r={pairs['r']}"
    signed = hmac.digest(hashlib.sha256(key).digest(), f"n=,r=abc,{challenge},{bare}".encode(), "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signed, strict=True))).decode()
    return handshake.answer(AuthenticationReply(f"{bare},p={proof}".encode()))


def test_scram() -> None:
    handshake = Handshake(VERIFIER, RealWorld())
    assert handshake.answer(startup()) == b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"
    assert handshake.introduction is None
    assert prove(handshake, "secret").endswith(AUTHENTICATION_OK)
    assert handshake.introduction is not None


def test_a_wrong_password_is_refused() -> None:
    handshake = Handshake(VERIFIER, RealWorld())
    handshake.answer(startup())
    with pytest.raises(InvalidPassword, match='password authentication failed for user "ann"'):
        prove(handshake, "guess")
    assert handshake.introduction is None


def test_nothing_passes_before_the_password() -> None:
    handshake = Handshake(VERIFIER, RealWorld())
    handshake.answer(startup())
    with pytest.raises(ProtocolViolation):
        handshake.answer(Query(b"select 1"))
    with pytest.raises(ProtocolViolation):
        handshake.answer(startup())


def test_no_user() -> None:
    with pytest.raises(InvalidAuthorizationSpecification):
        Handshake(None, RealWorld()).answer(Startup(0, {}))
