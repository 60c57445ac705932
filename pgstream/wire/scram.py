"""SCRAM-SHA-256 as the server plays it (RFC 5802, RFC 7677), without channel binding.

exchange = ScramExchange(verifier, server_nonce)
R SASL            <- p SASLInitialResponse     exchange.first(payload)  -> R SASLContinue
                  <- p SASLResponse            exchange.final(payload)  -> R SASLFinal
"""

import base64
import hashlib
import hmac
import stringprep
import unicodedata
from dataclasses import dataclass

from pgstream.errors import InvalidPassword, ProtocolViolation

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096
SALT_BYTES = 16
NONCE_BYTES = 18


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a server keeps of a password: enough to check a proof, not enough to make one."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes

    @staticmethod
    def of(password: str, salt: bytes, iterations: int = ITERATIONS) -> "Verifier":
        salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, iterations)
        client_key = _hmac(salted, b"Client Key")
        return Verifier(salt, iterations, hashlib.sha256(client_key).digest(), _hmac(salted, b"Server Key"))


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def prepared(password: str) -> str:
    """SASLprep (RFC 4013); a password that it prohibits is used as it is, as PostgreSQL does."""
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    prohibited = (
        stringprep.in_table_a1,
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
    if not normal or any(test(character) for character in normal for test in prohibited):
        return password
    if any(stringprep.in_table_d1(character) for character in normal):
        right_to_left = stringprep.in_table_d1(normal[0]) and stringprep.in_table_d1(normal[-1])
        if not right_to_left or any(stringprep.in_table_d2(character) for character in normal):
            return password
    return normal


class ScramExchange:
    """One client's proof that it knows the password. Raises ProtocolViolation or InvalidPassword."""

    def __init__(self, verifier: Verifier, server_nonce: bytes) -> None:
        self._verifier = verifier
        self._server_nonce = base64.b64encode(server_nonce).decode()
        self._nonce = ""
        self._transcript = ""
        self._binding_header = ""

    def first(self, payload: bytes) -> bytes:
        """The server's challenge to a SASLInitialResponse."""
        mechanism, zero, rest = payload.partition(b"\0")
        if not zero or len(rest) < 4:
            raise ProtocolViolation("invalid message format")
        if mechanism.decode("ascii", "replace") != MECHANISM:
            raise ProtocolViolation("client selected an invalid SASL authentication mechanism")
        length = int.from_bytes(rest[:4], "big", signed=True)
        if length != len(rest) - 4:
            raise ProtocolViolation("malformed SCRAM message")
        header, bare = _client_first(_ascii(rest[4:]))
        self._binding_header = header
        self._nonce = _attributes(bare).get("r", "") + self._server_nonce
        salt = base64.b64encode(self._verifier.salt).decode()
        challenge = f"r={self._nonce},s={salt},i={self._verifier.iterations}"
        self._transcript = f"{bare},{challenge}"
        return challenge.encode()

    def final(self, payload: bytes) -> bytes:
        """The server's signature for a SASLResponse with the right proof; InvalidPassword for a wrong one."""
        text = _ascii(payload)
        without_proof, comma, proof_text = text.rpartition(",p=")
        attributes = _attributes(without_proof)
        expected_binding = base64.b64encode(self._binding_header.encode()).decode()
        if not comma or attributes.get("c") != expected_binding or attributes.get("r") != self._nonce:
            raise ProtocolViolation("malformed SCRAM message")
        proof = _unbase64(proof_text)
        transcript = f"{self._transcript},{without_proof}".encode()
        signature = _hmac(self._verifier.stored_key, transcript)
        if len(proof) != len(signature):
            raise ProtocolViolation("malformed SCRAM message")
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        if not hmac.compare_digest(hashlib.sha256(client_key).digest(), self._verifier.stored_key):
            raise InvalidPassword("password authentication failed")
        return b"v=" + base64.b64encode(_hmac(self._verifier.server_key, transcript))


def _client_first(text: str) -> tuple[str, str]:
    """The GS2 header and the bare message of a client-first-message."""
    parts = text.split(",", 2)
    if len(parts) != 3 or "r" not in _attributes(parts[2]):
        raise ProtocolViolation("malformed SCRAM message")
    binding, authorization, bare = parts
    if binding.startswith("p="):
        raise ProtocolViolation("client requires SCRAM channel binding, but it is not supported")
    if binding not in ("n", "y") or authorization != "":
        raise ProtocolViolation("malformed SCRAM message")
    return f"{binding},{authorization},", bare


def _attributes(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name: value for name, _, value in pairs}


def _ascii(payload: bytes) -> str:
    if not payload.isascii():
        raise ProtocolViolation("malformed SCRAM message")
    return payload.decode()


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ProtocolViolation("malformed SCRAM message") from None
