"""What a client can say: the frontend messages of the Postgres protocol.

SQL text and parameter values stay bytes: their encoding is the session's `client_encoding`. Names of statements and
portals are text already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgstream.kernels.copy_text import NULL

PROTOCOL_MAJOR = 3
PROTOCOL_MINORS = (0, 2)
"""The minor versions spoken. 3.1 is nobody's: it was used up by a bug in pgbouncer."""


@dataclass(frozen=True, slots=True)
class SslRequest:
    """Asks for TLS; the answer is one byte, `S` or `N`."""


@dataclass(frozen=True, slots=True)
class GssEncRequest:
    """Asks for GSSAPI encryption; the answer is one byte, `G` or `N`."""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Asks to cancel what the session with this `pid` and `secret` runs; there is no answer."""

    pid: int
    secret: bytes


@dataclass(frozen=True, slots=True)
class Startup:
    """The first message proper: protocol version and run-time parameters.

    `unknown_options` are the `_pq_.` protocol extensions asked for; none is known.
    """

    minor: int
    parameters: Mapping[str, str]
    unknown_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthenticationReply:
    """A password, or a step of a SASL exchange: what it is depends on what was asked."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Query:
    """A simple query: text of any number of statements."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Parse:
    """Prepares `text` under `statement` (empty: the unnamed one); an OID of 0 leaves a parameter's type open."""

    statement: str
    text: bytes
    parameter_oids: tuple[int, ...]


class Bind(NamedTuple):
    """Makes a portal of a prepared statement. Format codes: none, one for all, or one each; 0 text, 1 binary.

    A tuple, as it is by far the most frequent message with contents.
    """

    portal: str
    statement: str
    parameter_formats: tuple[int, ...]
    values: tuple[bytes | None, ...]
    result_formats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Describe:
    """Asks for the shape of a statement (`kind` S) or a portal (P)."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Execute:
    """Runs a portal, for at most `rows_max` rows; 0 is no limit."""

    portal: str
    rows_max: int


class Round(NamedTuple):
    """The messages of one prepared execution that came in one piece, as drivers send them: `bind`, which makes the
    unnamed portal, a Describe of it where `described`, an Execute of it, and Sync."""

    bind: Bind
    described: bool
    rows_max: int

    @property
    def messages(self) -> "list[Message]":
        """What it stands for, one by one."""
        describe = [_DESCRIBE_UNNAMED] if self.described else []
        return [self.bind, *describe, Execute("", self.rows_max), SYNC]


@dataclass(frozen=True, slots=True, eq=False)
class Executions:
    """Runs of one statement with other values, one after another, as pipelines send them: for each row of values a Bind
    of the unnamed portal, a Describe of it where `described`, and an Execute of all of it.

    The values are `content[starts[i] : stops[i]]`, those of a row together; `marks` are `kernels.copy_text`'s. A kernel
    may read `kernels.bytes.PADDING` bytes behind the last of them.
    """

    statement: str
    parameter_formats: tuple[int, ...]
    result_formats: tuple[int, ...]
    described: bool
    width: int
    content: NDArray[np.uint8] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    stops: NDArray[np.int64] = field(repr=False)
    marks: NDArray[np.uint8] = field(repr=False)

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.starts) // self.width

    def unfolded(self) -> "list[Message]":
        """The messages of the first, one by one, and all the others."""
        cells = zip(self.starts[: self.width], self.stops[: self.width], self.marks[: self.width], strict=True)
        values = tuple(None if mark == NULL else self.content[start:stop].tobytes() for start, stop, mark in cells)
        bind = Bind("", self.statement, self.parameter_formats, values, self.result_formats)
        rest = [self._behind_first()] if self.rows > 1 else []
        return [bind, *([_DESCRIBE_UNNAMED] if self.described else []), Execute("", 0), *rest]

    def _behind_first(self) -> "Executions":
        first = self.width
        return replace(self, starts=self.starts[first:], stops=self.stops[first:], marks=self.marks[first:])


@dataclass(frozen=True, slots=True)
class Close:
    """Forgets a statement (`kind` S) or a portal (P)."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Flush:
    """Asks for all output so far."""


@dataclass(frozen=True, slots=True)
class Sync:
    """Ends a pipeline: commit, and say whether the session is ready."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The fast path to one function; nothing but libpq's large objects uses it."""


@dataclass(frozen=True, slots=True)
class CopyData:
    """Bytes of a COPY FROM STDIN. Adjacent messages of one read come as one."""

    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CopyDone:
    """The end of a COPY FROM STDIN."""


@dataclass(frozen=True, slots=True)
class CopyFail:
    """The client gives up its COPY FROM STDIN."""

    reason: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """The client leaves."""


Message = (
    SslRequest
    | GssEncRequest
    | CancelRequest
    | Startup
    | AuthenticationReply
    | Query
    | Parse
    | Bind
    | Describe
    | Execute
    | Round
    | Executions
    | Close
    | Flush
    | Sync
    | FunctionCall
    | CopyData
    | CopyDone
    | CopyFail
    | Terminate
)

_DESCRIBE_UNNAMED = Describe("P", "")
SYNC = Sync()
