"""Bytes against a whole server: what no driver sends, and passwords from another machine."""

import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from pgstream.testing.server import Server


def typed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


class Wire:
    """A raw connection that has said who it is."""

    def __init__(self, server: Server, minor: int = 0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        body = b"user\0ann\0database\0postgres\0\0"
        self.socket.sendall(struct.pack("!ii", 8 + len(body), 0x0003_0000 | minor) + body)
        self.greeting = self.until(b"Z")

    def messages(self) -> tuple[bytes, bytes]:
        head = self.exactly(5)
        return head[:1], self.exactly(struct.unpack("!i", head[1:])[0] - 4)

    def exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self.socket.recv(count - len(found))
            if not more:
                raise EOFError
            found += more
        return found

    def until(self, last: bytes) -> list[tuple[bytes, bytes]]:
        found = [self.messages()]
        while found[-1][0] != last:
            found.append(self.messages())
        return found

    def ask(self, *messages: bytes) -> list[tuple[bytes, bytes]]:
        self.socket.sendall(b"".join(messages))
        return self.until(b"Z")


SYNC = typed(b"S", b"")


def parse(text: bytes, name: bytes = b"") -> bytes:
    return typed(b"P", name + b"\0" + text + b"\0\0\0")


def bind(portal: bytes = b"", statement: bytes = b"") -> bytes:
    return typed(b"B", portal + b"\0" + statement + b"\0\0\0\0\0\0\0")


def execute(portal: bytes = b"", rows_max: int = 0) -> bytes:
    return typed(b"E", portal + b"\0" + struct.pack("!i", rows_max))


def kinds(answer: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(kind for kind, _ in answer)


@pytest.fixture
def wire(server: Server) -> Wire:
    return Wire(server)


def test_greeting(server: Server) -> None:
    greeting = dict(Wire(server).greeting)
    assert greeting[b"Z"] == b"I"
    assert len(greeting[b"K"]) == 8
    assert len(dict(Wire(server, minor=2).greeting)[b"K"]) == 36
    assert dict(Wire(server, minor=9).greeting)[b"v"] == b"\0\3\0\2\0\0\0\0"


def test_empty_queries(wire: Wire) -> None:
    assert kinds(wire.ask(typed(b"Q", b"\0"))) == b"IZ"
    assert kinds(wire.ask(typed(b"Q", b" ; \0"))) == b"IZ"
    assert kinds(wire.ask(parse(b""), bind(), execute(), SYNC)) == b"12IZ"


def test_portals_suspend(wire: Wire) -> None:
    begun = wire.ask(typed(b"Q", b"begin\0"))
    assert begun[-1] == (b"Z", b"T")
    answer = wire.ask(
        parse(b"select * from generate_series(1, 3)"), bind(b"p"), execute(b"p", 2), execute(b"p", 2), SYNC
    )
    assert kinds(answer) == b"12DDsDCZ"
    assert answer[-2] == (b"C", b"SELECT 1\0")
    assert kinds(wire.ask(execute(b"p"), SYNC)) == b"CZ"
    assert kinds(wire.ask(typed(b"Q", b"commit\0"))) == b"CZ"
    assert kinds(wire.ask(execute(b"p"), SYNC)) == b"EZ"


def test_an_error_skips_to_sync(wire: Wire) -> None:
    answer = wire.ask(parse(b"select 1/0"), bind(), execute(), parse(b"select 2"), bind(), execute(), SYNC)
    assert kinds(answer) == b"12EZ"
    assert answer[-1] == (b"Z", b"I")


def test_describe(wire: Wire) -> None:
    described = wire.ask(parse(b"select $1::int4 as a", b"s"), typed(b"D", b"Ss\0"), SYNC)
    assert kinds(described) == b"1tTZ"
    assert described[1][1] == b"\0\1\0\0\0\x17"
    assert described[2][1] == b"\0\1a\0" + struct.pack("!IhIhih", 0, 0, 23, 4, -1, 0)
    assert kinds(wire.ask(parse(b"begin"), typed(b"D", b"S\0"), SYNC)) == b"1tnZ"
    assert kinds(wire.ask(typed(b"C", b"Ss\0"), typed(b"C", b"Pnope\0"), SYNC)) == b"33Z"
    assert kinds(wire.ask(typed(b"D", b"Ss\0"), SYNC)) == b"EZ"


def test_garbage_is_fatal_and_only_for_its_sender(server: Server, wire: Wire) -> None:
    other = Wire(server)
    wire.socket.sendall(b"!!!!!!!!")
    kind, body = wire.messages()
    assert kind == b"E"
    assert b"SFATAL\0" in body
    assert b"C08P01\0" in body
    with pytest.raises(EOFError):
        wire.messages()
    assert kinds(other.ask(typed(b"Q", b"select 1\0"))) == b"TDCZ"


def test_function_call_is_refused(wire: Wire) -> None:
    assert kinds(wire.ask(typed(b"F", b"\0\0\0\0"))) == b"EZ"


def test_a_vanished_client_leaves_nothing_behind(server: Server, wire: Wire) -> None:
    wire.ask(typed(b"Q", b"create table left_behind (a int)\0"))
    wire.ask(typed(b"Q", b"begin; insert into left_behind values (1)\0"))
    wire.socket.close()
    time.sleep(0.3)
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        assert connection.execute("select count(*) from left_behind").fetchone() == (0,)
        connection.execute("drop table left_behind")


def own_address() -> str:
    """An address of this machine that is not loopback; the test is skipped where there is none."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
    except OSError:
        pytest.skip("no address but loopback")


def test_from_another_address_the_password_is_needed(tmp_path: Path) -> None:
    address = own_address()
    if address.startswith("127."):
        pytest.skip("no address but loopback")
    command = [sys.executable, "-m", "pgstream", "serve", "--data-dir", str(tmp_path / "d"), "--listen", "0.0.0.0:0"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PGSTREAM_PASSWORD": "s3cret"}
    )
    assert child.stdout is not None
    port = int(child.stdout.readline().split()[-1])
    try:
        dsn = f"host={address} port={port} user=ann dbname=postgres"
        with psycopg.connect(dsn, password="s3cret") as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match='password authentication failed for user "ann"'):
            psycopg.connect(dsn, password="wrong")
        with psycopg.connect(f"host=127.0.0.1 port={port} user=ann dbname=postgres") as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        child.terminate()
        assert child.wait(30) == 0
