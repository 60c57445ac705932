"""`CREATE SOURCE name FROM LOAD GENERATOR COUNTER [(TICK INTERVAL 'span')]`: Materialize's, made up by datagen.

A counter gives 1, 2, 3, …, one a tick, which is a second where nothing is said.
"""

from pgstream.errors import FeatureNotSupported, InvalidParameterValue
from pgstream.formats.options import read_duration_us
from pgstream.sql.streaming.options import Option
from pgstream.sql.streaming.reader import Node, Reader

_SECOND_US = 1_000_000
_INSTEAD = {
    "AUCTION": "Write CREATE SOURCE … WITH (connector = 'nexmark'), which has auctions, bids and people.",
    "MARKETING": "Write CREATE SOURCE … WITH (connector = 'datagen').",
    "TPCH": "Write CREATE SOURCE … WITH (connector = 'datagen').",
    "KEY": "Write CREATE SOURCE … WITH (connector = 'datagen').",
    "DATUMS": "Write CREATE SOURCE … WITH (connector = 'datagen').",
}


def parse_load_generator(reader: Reader) -> tuple[Node, tuple[Option, ...]]:
    """What follows FROM LOAD GENERATOR: the source's column, and its options."""
    position = reader.position()
    if reader.word() in _INSTEAD:
        raise FeatureNotSupported(
            f"LOAD GENERATOR {reader.word()} is not supported yet", position=position, hint=_INSTEAD[reader.word()]
        )
    reader.expect("COUNTER")
    tick_us = _SECOND_US
    if reader.accept("("):
        if reader.accept("TICK", "INTERVAL"):
            tick_us = _span(reader)
            reader.accept(",")
        if reader.word() == "MAX":
            raise FeatureNotSupported("MAX CARDINALITY is not supported yet", position=reader.position())
        reader.expect(")")
    column = reader.grammar.statement("CREATE TABLE x (counter bigint)").tableElts[0]
    told = {
        "connector": "datagen", "datagen.rows.per.second": str(_SECOND_US / tick_us),
        "fields.counter.kind": "sequence", "fields.counter.start": "1",
    }  # fmt: skip
    return column, tuple(Option(name, value, position) for name, value in told.items())


def _span(reader: Reader) -> int:
    """A string with a time span, in microseconds."""
    position = reader.position()
    if reader.at >= len(reader.tokens) or reader.tokens[reader.at].name != "SCONST":
        reader.fail()
    reader.at += 1
    text = reader.grammar.string(reader.spelled(reader.at - 1))
    try:
        found = read_duration_us(text)
    except ValueError as error:
        raise InvalidParameterValue(str(error), position=position) from None
    if not found:
        raise InvalidParameterValue("a tick takes time", position=position)
    return found
