"""The start of a connection: encryption requests, startup parameters, the password, and the first ReadyForQuery."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pgstream.errors import InvalidAuthorizationSpecification, InvalidPassword, ProtocolViolation
from pgstream.wire import backend
from pgstream.wire.messages import (
    PROTOCOL_MINORS,
    AuthenticationReply,
    GssEncRequest,
    Message,
    SslRequest,
    Startup,
)
from pgstream.wire.scram import MECHANISM, NONCE_BYTES, ScramExchange, Verifier
from pgstream.wire.startup import option_settings
from pgstream.world import World

SECRET_BYTES = {0: 4, 2: 32}
"""By minor version: clients of 3.0 reject any other length than 4."""

_NOT_SETTINGS = frozenset({"user", "database", "options", "replication"})


class Stage(Enum):
    STARTUP = "startup"
    FIRST_REPLY = "first reply"
    FINAL_REPLY = "final reply"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who connected, and with which parameters."""

    user: str
    database: str
    settings: Mapping[str, str]
    minor: int
    replication: bool


class Handshake:
    """The messages before a session exists. `answer` gives the bytes to send; `introduction` is set when done.

    Without a `verifier` the connection is trusted. Raises what ends the connection.
    """

    def __init__(self, verifier: Verifier | None, world: World) -> None:
        self._verifier = verifier
        self._world = world
        self._stage = Stage.STARTUP
        self._exchange: ScramExchange | None = None
        self._introduced: Introduction | None = None
        self.introduction: Introduction | None = None

    def answer(self, message: Message) -> bytes:
        """What to send back."""
        if isinstance(message, SslRequest | GssEncRequest):
            return backend.ENCRYPTION_REFUSED
        if isinstance(message, Startup) and self._stage is Stage.STARTUP:
            return self._started(message)
        if isinstance(message, AuthenticationReply) and self._exchange is not None:
            return self._proved(message.payload)
        raise ProtocolViolation("expected password response")

    def _started(self, message: Startup) -> bytes:
        self._introduced = introduced(message)
        out = b""
        if message.minor not in PROTOCOL_MINORS or message.unknown_options:
            out = backend.negotiate_protocol_version(self._introduced.minor, message.unknown_options)
        if self._verifier is None:
            return out + self._accept()
        self._exchange = ScramExchange(self._verifier, self._world.random_bytes(NONCE_BYTES))
        self._stage = Stage.FIRST_REPLY
        return out + backend.authentication_sasl([MECHANISM])

    def _proved(self, payload: bytes) -> bytes:
        assert self._exchange is not None
        assert self._introduced is not None
        if self._stage is Stage.FIRST_REPLY:
            self._stage = Stage.FINAL_REPLY
            return backend.authentication_sasl_continue(self._exchange.first(payload))
        try:
            signature = self._exchange.final(payload)
        except InvalidPassword:
            user = self._introduced.user
            raise InvalidPassword(f'password authentication failed for user "{user}"') from None
        self._exchange = None
        return backend.authentication_sasl_final(signature) + self._accept()

    def _accept(self) -> bytes:
        self._stage = Stage.DONE
        self.introduction = self._introduced
        return backend.AUTHENTICATION_OK


def introduced(message: Startup) -> Introduction:
    """What a startup packet says. Raises InvalidAuthorizationSpecification, SyntaxError42601."""
    user = message.parameters.get("user", "")
    if not user:
        raise InvalidAuthorizationSpecification("no PostgreSQL user name specified in startup packet")
    settings = dict(option_settings(message.parameters.get("options", "")))
    for name, value in message.parameters.items():
        if name not in _NOT_SETTINGS:
            settings[name] = value.strip("'") if name == "client_encoding" else value
    replication = message.parameters.get("replication", "false").lower() not in ("false", "off", "no", "0", "")
    minor = max((known for known in PROTOCOL_MINORS if known <= message.minor), default=0)
    return Introduction(user, message.parameters.get("database") or user, settings, minor, replication)
