"""SCRAM-SHA-256: the vector of RFC 7677, and wrong proofs."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgstream.errors import InvalidPassword, ProtocolViolation
from pgstream.wire.scram import ScramExchange, Verifier, prepared


def initial(text: bytes) -> bytes:
    return b"SCRAM-SHA-256\0" + len(text).to_bytes(4, "big") + text


def client_final(password: str, first_bare: str, challenge: str) -> bytes:
    attributes = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(attributes["s"]), int(attributes["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    bare = f"c=biws,r={attributes['r']}"
    signature = hmac.digest(hashlib.sha256(client_key).digest(), f"{first_bare},{challenge},{bare}".encode(), "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return f"{bare},p={base64.b64encode(proof).decode()}".encode()


def test_the_vector_of_rfc_7677() -> None:
    verifier = Verifier.of("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    exchange = ScramExchange(verifier, b"")
    exchange._server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    challenge = exchange.first(initial(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))
    assert challenge == (b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    final = (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert exchange.final(final) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize("guess", ["secret", "Secret", ""])
def test_only_the_right_password_passes(guess: str) -> None:
    exchange = ScramExchange(Verifier.of("secret", b"salt"), b"nonce")
    challenge = exchange.first(initial(b"n,,n=,r=abc")).decode()
    reply = client_final(guess, "n=,r=abc", challenge)
    if guess == "secret":
        assert exchange.final(reply).startswith(b"v=")
    else:
        with pytest.raises(InvalidPassword):
            exchange.final(reply)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_garbage_is_a_violation(first: bytes, final: bytes) -> None:
    exchange = ScramExchange(Verifier.of("secret", b"salt", 1), b"nonce")
    with pytest.raises(ProtocolViolation):
        exchange.first(first)
    exchange.first(initial(b"n,,n=,r=abc"))
    with pytest.raises(ProtocolViolation):
        exchange.final(final)


def test_saslprep() -> None:
    assert prepared("I\u00adX") == "IX"
    assert prepared("\u2168") == "IX"
    assert prepared("a\u00a0b") == "a b"
    assert prepared("\u0627\u0031") == "\u0627\u0031"
    assert prepared("\u0007") == "\u0007"
