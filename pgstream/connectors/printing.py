"""Print: a sink that writes every change on standard output once it is committed, as `pgstream run` shows it.

    +I[1, abc]        a row came                    (Flink's print)
    -D[1, abc]        a row went
    {"id":1}          with a format (Arroyo's stdout): rows, or Debezium's records of changes

What is committed but not yet printed when the process is killed is not printed later: nobody would be there to read it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.connectors.changelog import copies
from pgstream.connectors.connector import Connector, Opening, declare
from pgstream.connectors.filesystem_sink import Records
from pgstream.connectors.outgoing import Outgoing
from pgstream.connectors.sink import Changes, Cursor
from pgstream.errors import InvalidParameterValue
from pgstream.formats.encoding import texts_of
from pgstream.formats.format import Field
from pgstream.formats.options import option


@dataclass(frozen=True, kw_only=True)
class PrintOptions:
    """WITH options of `connector = 'print'`."""

    identifier: str = option("print-identifier", "print_identifier", default="", doc="What stands before every line.")
    to_errors: bool = option("standard-error", default=False, doc="Print on standard error instead.")
    parallelism: int = option("sink.parallelism", default=1, doc="Accepted, without effect.")


class _Changelog:
    """Rows as Flink prints them."""

    append_only = False

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields

    def encode(self, changes: Changes) -> bytes:
        lines: list[str] = []
        for _, delta in changes.ticks:
            single = copies(delta)
            cells = [texts_of(column, field.type) for column, field in zip(single.columns, self._fields, strict=True)]
            rows = zip(*(column.to_pylist() for column in cells), strict=True)
            for row, weight in sorted(zip(rows, single.weights.tolist(), strict=True), key=lambda each: each[1]):
                shown = ", ".join("null" if value is None else value for value in row)
                lines.append(f"{'+I' if weight > 0 else '-D'}[{shown}]\n")
        return "".join(lines).encode()


class Print:
    """Lines that wait for their commit, by its number."""

    def __init__(self, options: PrintOptions, records: Records | _Changelog, cursor: Cursor | None) -> None:
        self._options = options
        self._records = records
        self.append_only = records.append_only
        self._number = 0 if cursor is None else int(cursor)
        self._waiting: dict[int, str] = {}

    def prepare(self, changes: Changes) -> Cursor:
        self._number += 1
        self._waiting[self._number] = self._records.encode(changes).decode(errors="replace")
        return str(self._number).encode()

    def publish(self, cursor: Cursor) -> None:
        place = sys.stderr if self._options.to_errors else sys.stdout
        before = f"{self._options.identifier}> " if self._options.identifier else ""
        for number in sorted(each for each in self._waiting if each <= int(cursor)):
            lines = self._waiting.pop(number).splitlines()
            print(*(before + line + "\n" for line in lines), sep="", end="", file=place, flush=True)

    def close(self) -> None:
        """Nothing is held."""


def open_sink(options: PrintOptions, opening: Opening, cursor: Cursor | None) -> Print:
    """A sink that prints in the format that is named, or as Flink does."""
    form, fields = opening.format, opening.fields
    assert fields is not None
    if form is None:
        return Print(options, _Changelog(fields), cursor)
    if form.encoder is None:
        raise InvalidParameterValue(f'format "{form.name}" cannot be written')
    outgoing = Outgoing(opening) if opening.envelope == "debezium" else None
    return Print(options, Records(form.encoder(fields, opening.format_options), False, outgoing), cursor)


PRINT = declare(Connector(name="print", doc="Prints changes on standard output.", options=PrintOptions, sink=open_sink))
STDOUT = declare(
    Connector(
        name="stdout",
        doc="Prints rows on standard output, in a format.",
        options=PrintOptions,
        sink=open_sink,
        formats=True,
        default_format=lambda options: "json",
        aliases=("preview",),
    )
)
