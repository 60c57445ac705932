"""The packets before the first typed message: startup, and the requests for TLS, GSSAPI and cancellation."""

import struct

from pgstream.errors import ProtocolViolation, SyntaxError42601
from pgstream.wire.messages import PROTOCOL_MAJOR, CancelRequest, GssEncRequest, Message, SslRequest, Startup

PACKET_BYTES_MAX = 10_000
SECRET_BYTES_MAX = 256

_SSL = 80877103
_GSSENC = 80877104
_CANCEL = 80877102
_HEADER = struct.Struct("!iI")


def startup_packet(buffer: bytes, position: int) -> tuple[Message | None, int]:
    """The packet at `position` and its length in bytes, or (None, 0) while it is incomplete."""
    available = len(buffer) - position
    if available < 4:
        return None, 0
    length = int.from_bytes(buffer[position : position + 4], "big")
    if length < 8 or length > PACKET_BYTES_MAX:
        raise ProtocolViolation("invalid length of startup packet")
    if available < length:
        return None, 0
    code = _HEADER.unpack_from(buffer, position)[1]
    return _decode(code, buffer[position + 8 : position + length]), length


def _decode(code: int, body: bytes) -> Message:
    if code == _SSL:
        return SslRequest()
    if code == _GSSENC:
        return GssEncRequest()
    if code == _CANCEL:
        if not 8 <= len(body) <= 4 + SECRET_BYTES_MAX:
            raise ProtocolViolation("invalid length of cancel request packet")
        return CancelRequest(int.from_bytes(body[:4], "big"), body[4:])
    major, minor = code >> 16, code & 0xFFFF
    if major != PROTOCOL_MAJOR:
        raise ProtocolViolation(f"unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2")
    return _startup(minor, body)


def _startup(minor: int, body: bytes) -> Startup:
    if not body.endswith(b"\0"):
        raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
    words = [word.decode("utf-8", "replace") for word in body[:-1].split(b"\0")]
    if words[-1] != "" or len(words) % 2 == 0:
        raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
    parameters: dict[str, str] = {}
    unknown = []
    for name, value in zip(words[:-1:2], words[1::2], strict=True):
        if name == "":
            raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
        if name.startswith("_pq_."):
            unknown.append(name)
        else:
            parameters[name] = value
    return Startup(minor, parameters, tuple(unknown))


def option_words(options: str) -> list[str]:
    """The startup parameter `options` cut at blanks; a backslash keeps the next character as it is."""
    words: list[str] = []
    current: list[str] | None = None
    characters = iter(options)
    for character in characters:
        if character.isspace():
            if current is not None:
                words.append("".join(current))
            current = None
            continue
        current = [] if current is None else current
        current.append(next(characters, "") if character == "\\" else character)
    if current is not None:
        words.append("".join(current))
    return words


def option_settings(options: str) -> list[tuple[str, str]]:
    """The settings in `options`: `-c a=b`, `-ca=b` and `--a=b`. Raises SyntaxError42601 for anything else."""
    settings = []
    words = iter(option_words(options))
    for word in words:
        if word == "-c":
            assignment = next(words, "")
        elif word.startswith(("-c", "--")):
            assignment = word[2:]
        else:
            raise SyntaxError42601(f"invalid command-line argument for server process: {word}")
        name, equals, value = assignment.partition("=")
        if not equals:
            raise SyntaxError42601(f"-c {name} requires a value")
        settings.append((name.replace("-", "_"), value))
    return settings
