"""COPY TO STDOUT: columns in, CopyData messages out, one a row as PostgreSQL sends them."""

from collections.abc import Sequence

import numpy as np

from pgstream.delta import Column
from pgstream.kernels import rows as kernels
from pgstream.plan.expressions import Col
from pgstream.session.copy_in import SIGNATURE
from pgstream.session.copy_options import CopyOptions
from pgstream.session.encode import encoded, string_parts
from pgstream.session.scalars import BINARY, TEXT
from pgstream.types.definition import Settings
from pgstream.wire.backend import copy_data

_ESCAPED = {8: b"b", 9: b"t", 10: b"n", 11: b"v", 12: b"f", 13: b"r", 92: b"\\"}
_NEWLINE = 10


def copy_out_start(columns: Sequence[Col], options: CopyOptions) -> bytes:
    """What comes before the first row: CSV's and text's header line. Binary's header rides on the first row."""
    if options.format == "binary" or options.header == "off":
        return b""
    names = [col.name.encode() for col in columns]
    if options.format == "csv":
        names = [_quoted(name, options) for name in names]
    return copy_data(options.delimiter.join(names) + b"\n")


def _quoted(name: bytes, options: CopyOptions) -> bytes:
    special = (options.delimiter, options.quote, b"\n", b"\r")
    if name != options.null and not any(mark in name for mark in special):
        return name
    for mark in {options.quote, options.escape}:
        name = name.replace(mark, options.escape + mark)
    return options.quote + name + options.quote


def copy_out_end(options: CopyOptions) -> bytes:
    """What comes after the last row: binary's trailer."""
    return copy_data(b"\xff\xff") if options.format == "binary" else b""


def copy_out_rows(
    columns: Sequence[Col], rows: Sequence[Column], count: int, options: CopyOptions, settings: Settings, first: bool
) -> bytes:
    """`count` rows as CopyData messages; `first` where nothing was sent before them."""
    code = BINARY if options.format == "binary" else TEXT
    parts = [string_parts(encoded(column, col.type, code, settings)) for col, column in zip(columns, rows, strict=True)]
    if options.format == "binary":
        framed = kernels.framed(parts, count, kernels.COPY_DATA).tobytes()
        return _with_signature(framed) if first else framed
    if options.format == "csv":
        return _csv_rows(parts, count, options)
    return _text_rows(parts, count, options)


def _with_signature(framed: bytes) -> bytes:
    """PostgreSQL sends the file header in one message with the first row."""
    header = SIGNATURE + bytes(8)
    length = int.from_bytes(framed[1:5], "big") if framed else 4
    return b"d" + (length + len(header)).to_bytes(4, "big") + header + framed[5:]


def empty_binary() -> bytes:
    """The whole of a binary COPY without rows, but its trailer."""
    return copy_data(SIGNATURE + bytes(8))


def _text_rows(parts: Sequence[kernels.StringColumn], count: int, options: CopyOptions) -> bytes:
    delimiter = options.delimiter[0]
    escapes = np.zeros(256, np.uint8)
    for byte, letter in _ESCAPED.items():
        escapes[byte] = letter[0]
    escapes[delimiter] = escapes[delimiter] or delimiter
    null = np.frombuffer(options.null, np.uint8)
    sizes = np.full(count, kernels.HEAD_BYTES + (not parts), np.int64)
    for offsets, content, valid in parts:
        kernels.add_escaped_lengths(sizes, offsets, content, valid, escapes, len(null))
    out, cursors = kernels.buffer_of(sizes)
    kernels.write_heads(out, cursors, sizes, kernels.COPY_DATA)
    if not parts:
        out[cursors] = _NEWLINE
    for i, (offsets, content, valid) in enumerate(parts):
        after = _NEWLINE if i == len(parts) - 1 else delimiter
        kernels.write_escaped(out, cursors, offsets, content, valid, escapes, null, after)
    return out.tobytes()


def _csv_rows(parts: Sequence[kernels.StringColumn], count: int, options: CopyOptions) -> bytes:
    delimiter, quote, escape = options.delimiter[0], options.quote[0], options.escape[0]
    classes = np.zeros(256, np.uint8)
    classes[[delimiter, 10, 13]] |= 1
    classes[escape] |= 2
    classes[quote] |= 3
    null = np.frombuffer(options.null, np.uint8)
    sizes = np.full(count, kernels.HEAD_BYTES + (not parts), np.int64)
    quoted = []
    for i, (offsets, content, valid) in enumerate(parts):
        force, lone = i in options.force_quote, len(parts) == 1
        quoted.append(kernels.add_quoted_lengths(sizes, offsets, content, valid, classes, null, force, lone))
    out, cursors = kernels.buffer_of(sizes)
    kernels.write_heads(out, cursors, sizes, kernels.COPY_DATA)
    if not parts:
        out[cursors] = _NEWLINE
    for i, (offsets, content, valid) in enumerate(parts):
        after = _NEWLINE if i == len(parts) - 1 else delimiter
        kernels.write_quoted(out, cursors, offsets, content, valid, quoted[i], classes, null, quote, escape, after)
    return out.tobytes()
