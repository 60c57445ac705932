"""What the server says: encoders of the backend messages of the Postgres protocol.

Each function gives the bytes of one whole message.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

AUTHENTICATION_OK = b"R\0\0\0\x08\0\0\0\0"
PARSE_COMPLETE = b"1\0\0\0\x04"
BIND_COMPLETE = b"2\0\0\0\x04"
CLOSE_COMPLETE = b"3\0\0\0\x04"
NO_DATA = b"n\0\0\0\x04"
PORTAL_SUSPENDED = b"s\0\0\0\x04"
EMPTY_QUERY_RESPONSE = b"I\0\0\0\x04"
COPY_DONE = b"c\0\0\0\x04"

READY_IDLE = b"Z\0\0\0\x05I"
READY_IN_TRANSACTION = b"Z\0\0\0\x05T"
READY_FAILED = b"Z\0\0\0\x05E"

ENCRYPTION_REFUSED = b"N"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a RowDescription. `format` is 0 for text, 1 for binary."""

    name: str
    table_oid: int
    attnum: int
    type_oid: int
    type_length: int
    typmod: int
    format: int


@dataclass(frozen=True, slots=True)
class Report:
    """An error or a notice. `fields` pairs the protocol's field letters with their texts, in order."""

    fields: tuple[tuple[str, str], ...]


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace") + b"\0"


def authentication_sasl(mechanisms: Sequence[str]) -> bytes:
    return message(b"R", b"\0\0\0\x0a" + b"".join(_text(name) for name in mechanisms) + b"\0")


def authentication_sasl_continue(payload: bytes) -> bytes:
    return message(b"R", b"\0\0\0\x0b" + payload)


def authentication_sasl_final(payload: bytes) -> bytes:
    return message(b"R", b"\0\0\0\x0c" + payload)


def negotiate_protocol_version(newest_minor: int, unknown_options: Sequence[str]) -> bytes:
    """`newest_minor` as a full version number, as PostgreSQL sends it."""
    body = struct.pack("!ii", 0x0003_0000 | newest_minor, len(unknown_options))
    return message(b"v", body + b"".join(_text(name) for name in unknown_options))


def backend_key_data(pid: int, secret: bytes) -> bytes:
    return message(b"K", struct.pack("!i", pid) + secret)


def parameter_status(name: str, value: str) -> bytes:
    return message(b"S", _text(name) + _text(value))


def parameter_description(type_oids: Sequence[int]) -> bytes:
    return message(b"t", struct.pack(f"!H{len(type_oids)}I", len(type_oids), *type_oids))


def row_description(fields: Sequence[Field]) -> bytes:
    parts = [struct.pack("!H", len(fields))]
    for field in fields:
        parts.append(_text(field.name))
        parts.append(
            struct.pack(
                "!IhIhih",
                field.table_oid,
                field.attnum,
                field.type_oid,
                field.type_length,
                field.typmod,
                field.format,
            )
        )
    return message(b"T", b"".join(parts))


NULL = b"\xff\xff\xff\xff"
"""A value of a DataRow that is NULL."""


def sized(value: bytes) -> bytes:
    """A value of a DataRow: the bytes behind their length."""
    return len(value).to_bytes(4, "big") + value


def data_row(values: Sequence[bytes]) -> bytes:
    """One row of values that are `sized` or NULL; whole results are framed by `kernels.rows`."""
    return message(b"D", len(values).to_bytes(2, "big") + b"".join(values))


def command_complete(tag: str) -> bytes:
    return message(b"C", _text(tag))


def error_response(report: Report) -> bytes:
    return message(b"E", _report(report))


def notice_response(report: Report) -> bytes:
    return message(b"N", _report(report))


def _report(report: Report) -> bytes:
    return b"".join(letter.encode() + _text(text) for letter, text in report.fields) + b"\0"


def notification(pid: int, channel: str, payload: str) -> bytes:
    return message(b"A", struct.pack("!i", pid) + _text(channel) + _text(payload))


def copy_in_response(binary: bool, columns: int) -> bytes:
    return message(b"G", _copy_shape(binary, columns))


def copy_out_response(binary: bool, columns: int) -> bytes:
    return message(b"H", _copy_shape(binary, columns))


def _copy_shape(binary: bool, columns: int) -> bytes:
    return struct.pack(f"!bH{columns}h", binary, columns, *([int(binary)] * columns))


def copy_data(payload: bytes) -> bytes:
    return message(b"d", payload)
