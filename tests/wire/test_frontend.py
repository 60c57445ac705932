"""The decoder of frontend messages: byte transcripts, every way of cutting them, and garbage."""

import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.errors import ProtocolViolation, SyntaxError42601
from pgstream.wire.frontend import Connection
from pgstream.wire.messages import (
    AuthenticationReply,
    Bind,
    CancelRequest,
    Close,
    CopyData,
    CopyDone,
    CopyFail,
    Describe,
    Execute,
    Flush,
    GssEncRequest,
    Message,
    Parse,
    Query,
    Round,
    SslRequest,
    Startup,
    Sync,
    Terminate,
)
from pgstream.wire.startup import option_settings

SSL = bytes.fromhex("0000000804d2162f")
GSS = bytes.fromhex("0000000804d21630")
STARTUP_BODY = b"user\0ann\0database\0shop\0options\0-c a=b\0\0"
STARTUP = struct.pack("!ii", 8 + len(STARTUP_BODY), 196608) + STARTUP_BODY


def typed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


TRANSCRIPT: list[tuple[bytes, Message]] = [
    (GSS, GssEncRequest()),
    (SSL, SslRequest()),
    (STARTUP, Startup(0, {"user": "ann", "database": "shop", "options": "-c a=b"})),
    (typed(b"p", b"secret\0"), AuthenticationReply(b"secret\0")),
    (typed(b"Q", b"select 1\0"), Query(b"select 1")),
    (typed(b"P", b"s1\0select $1\0\0\x01\0\0\0\x17"), Parse("s1", b"select $1", (23,))),
    (
        typed(b"B", b"\0s1\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x02\0\0\0\x01"),
        Bind("", "s1", (1,), (b"x", None), (0, 1)),
    ),
    (typed(b"D", b"Ss1\0"), Describe("S", "s1")),
    (typed(b"E", b"\0\0\0\0\x05"), Execute("", 5)),
    (typed(b"C", b"Pp\0"), Close("P", "p")),
    (typed(b"H", b""), Flush()),
    (typed(b"S", b""), Sync()),
    (typed(b"d", b"1\t2\n"), CopyData(b"1\t2\n")),
    (typed(b"c", b""), CopyDone()),
    (typed(b"f", b"enough\0"), CopyFail("enough")),
    (typed(b"X", b""), Terminate()),
]
STREAM = b"".join(packet for packet, _ in TRANSCRIPT)
MESSAGES = [message for _, message in TRANSCRIPT]


def test_a_transcript_decodes_at_once() -> None:
    assert Connection().feed(STREAM) == MESSAGES


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_cut_in_two_anywhere(cut: int) -> None:
    connection = Connection()
    assert connection.feed(STREAM[:cut]) + connection.feed(STREAM[cut:]) == MESSAGES


def test_byte_by_byte() -> None:
    connection = Connection()
    assert [m for i in range(len(STREAM)) for m in connection.feed(STREAM[i : i + 1])] == MESSAGES
    assert connection.buffered == 0


def test_adjacent_copy_data_comes_as_one() -> None:
    connection = Connection()
    connection.feed(STARTUP)
    rows = typed(b"d", b"1\n") + typed(b"d", b"2\n") + typed(b"d", b"")
    assert connection.feed(rows + typed(b"c", b"") + b"d\0") == [CopyData(b"1\n2\n"), CopyDone()]
    assert connection.feed(b"\0\0\x05x") == [CopyData(b"x")]


SHORT = st.binary(max_size=6).filter(lambda name: b"\0" not in name)
CODES = st.lists(st.integers(-2, 3), max_size=3)


def counted(codes: list[int]) -> bytes:
    return struct.pack(f"!{len(codes) + 1}h", len(codes), *codes)


@st.composite
def executions(draw: st.DrawFn) -> bytes:
    """What drivers send to run a prepared statement, sometimes a little wrong."""
    values = draw(st.lists(st.none() | st.binary(max_size=300), max_size=4))
    body = draw(st.sampled_from([b"", b"", b"", b"portal"])) + b"\0" + draw(SHORT) + b"\0" + counted(draw(CODES))
    body += struct.pack("!h", len(values) + draw(st.sampled_from([0, 0, 0, 0, 1])))
    body += b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    body += counted(draw(CODES)) + draw(st.sampled_from([b"", b"", b"", b"x"]))
    describe = draw(st.sampled_from([b"", typed(b"D", b"P\0"), typed(b"D", b"Sx\0"), typed(b"D", b"P")]))
    limit = struct.pack("!i", draw(st.sampled_from([0, 1, 50, -1])))
    execute = draw(st.sampled_from([b"", b"", b"portal"])) + b"\0" + limit
    return typed(b"B", body) + describe + typed(b"E", execute) + draw(st.sampled_from([typed(b"S", b""), b""]))


@given(executions())
@settings(max_examples=400, deadline=None)
def test_a_round_stands_for_the_messages_that_it_is_made_of(packet: bytes) -> None:
    whole, cut = Connection(), Connection()
    whole.feed(STARTUP)
    cut.feed(STARTUP)
    found, expected = [], []
    for connection, messages, chunks in ((whole, found, [packet]), (cut, expected, [packet[:3], packet[3:]])):
        try:
            for chunk in chunks:
                messages += connection.feed(chunk)
        except ProtocolViolation as violation:
            messages.append(violation.message)
        messages.append(connection.violation and connection.violation.message)
    assert not any(isinstance(message, Round) for message in expected)
    assert [one for m in found for one in (m.messages if isinstance(m, Round) else [m])] == expected


def test_what_drivers_send_is_a_round() -> None:
    connection = Connection()
    connection.feed(STARTUP)
    bind = typed(b"B", b"\0s1\0\0\x01\0\x01\0\x01\0\0\0\x01x\0\x01\0\x01")
    made = Bind("", "s1", (1,), (b"x",), (1,))
    end = typed(b"E", b"\0\0\0\0\x05") + typed(b"S", b"")
    assert connection.feed(bind + end) == [Round(made, False, 5)]
    assert connection.feed(bind + typed(b"D", b"P\0") + end) == [Round(made, True, 5)]
    assert connection.feed(bind + end + bind + end) == [made, Execute("", 5), Sync()] * 2


def test_cancel_request_with_long_secret() -> None:
    secret = bytes(range(32))
    packet = struct.pack("!iii", 12 + len(secret), 80877102, 7) + secret
    assert Connection().feed(packet) == [CancelRequest(7, secret)]


def test_newer_minor_and_protocol_options() -> None:
    body = b"user\0a\0_pq_.x\0y\0\0"
    packet = struct.pack("!ii", 8 + len(body), 0x0003_270F) + body
    assert Connection().feed(packet) == [Startup(9999, {"user": "a"}, ("_pq_.x",))]


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (b"GET / HTTP/1.1\r\n", "invalid length of startup packet"),
        (b"\x16\x03\x01\x02\x00\x01", "invalid length of startup packet"),
        (struct.pack("!ii", 4, 0), "invalid length of startup packet"),
        (struct.pack("!ii", 10_001, 196608), "invalid length of startup packet"),
        (struct.pack("!ii", 8, 131072), "unsupported frontend protocol 2.0: server supports 3.0 to 3.2"),
        (SSL + SSL, "unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2"),
        (
            struct.pack("!ii", 12, 196608) + b"user",
            "invalid startup packet layout: expected terminator as last byte",
        ),
        (STARTUP + typed(b"!", b""), "invalid frontend message type 33"),
        (STARTUP + b"S\0\0\0\x03", "invalid message length"),
        (STARTUP + b"S\0\1\0\0", "invalid message length"),
        (STARTUP + typed(b"S", b"x"), "invalid message format"),
        (STARTUP + typed(b"Q", b"select 1"), "invalid string in message"),
        (STARTUP + typed(b"Q", b"select 1\0x"), "invalid message format"),
        (STARTUP + typed(b"B", b"\0\0\0\0\0\x01\0\0\0\x09x"), "insufficient data left in message"),
        (STARTUP + typed(b"D", b"X\0"), "invalid DESCRIBE message subtype 88"),
    ],
)
def test_violations(packet: bytes, message: str) -> None:
    connection = Connection()
    with pytest.raises(ProtocolViolation, match=re.escape(message)):
        connection.feed(packet) + connection.feed(b"")
    with pytest.raises(ProtocolViolation):
        connection.feed(STARTUP)


@given(st.lists(st.binary(max_size=40), max_size=6), st.booleans())
@settings(max_examples=400, deadline=None)
def test_garbage_is_only_ever_a_violation(chunks: list[bytes], started: bool) -> None:
    connection = Connection()
    if started:
        connection.feed(STARTUP)
    try:
        for chunk in chunks:
            connection.feed(chunk)
    except ProtocolViolation:
        assert connection.violation is not None


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_bodies_are_only_ever_a_violation(data: st.DataObject) -> None:
    packet, _ = data.draw(st.sampled_from(TRANSCRIPT[3:]))
    body = bytearray(packet[5:])
    for _ in range(data.draw(st.integers(0, 3))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    connection = Connection()
    connection.feed(STARTUP)
    try:
        assert len(connection.feed(typed(packet[:1], bytes(body)))) == 1
    except ProtocolViolation:
        assert connection.violation is not None


def test_options_are_cut_like_a_command_line() -> None:
    assert option_settings(r" -c a=b  -cc=d --work-mem=4MB -c s=x\ y ") == [
        ("a", "b"),
        ("c", "d"),
        ("work_mem", "4MB"),
        ("s", "x y"),
    ]
    with pytest.raises(SyntaxError42601, match="-c foo requires a value"):
        option_settings("-c foo")
    with pytest.raises(SyntaxError42601, match="invalid command-line argument for server process: -q"):
        option_settings("-q")
