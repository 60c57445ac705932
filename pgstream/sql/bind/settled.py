"""The text of a query as a definition keeps it: it means the same in every session and on every day.

`'2024-01-01 00:00'` of type timestamptz is an instant only with a TimeZone, and 'today' a day only with a clock. A view
keeps the value that such a literal had when the view was made, as in PostgreSQL, so it is written out.
"""

import pyarrow as pa

from pgstream.errors import SqlError
from pgstream.sql.bind.binding import Binding, DatedLiteral
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.parse import parse, tokens


def settled(binding: Binding, text: str) -> str:
    """`text`, the end of the statement that `binding` has bound, with such literals written out."""
    parsed = binding.parsed
    if parsed is None or not (binding.dated or binding.repeated):
        return text
    start = parsed.whole.index(parsed.text, parsed.start) + parsed.text.rindex(text)
    edits: dict[int, tuple[int, str | tuple[int, int]]] = {
        position: (length, (first, last)) for position, (length, first, last) in binding.repeated.items()
    }
    constants = {token.start: token.end for token in tokens(parsed.whole) if token.name == "SCONST"}
    for dated in binding.dated:
        position = binding.position(dated.expr)
        if position in constants and start <= position < start + len(text) and not _means_the_same(dated):
            zone = binding.scope.settings.get("timezone", "UTC")
            shown = dated.type.definition.format(dated.value, {"timezone": zone})
            edits[position] = (constants[position] - position, f"'{shown[0].as_py()}'")
    return _edited(parsed.whole, start, start + len(text), edits)


def _edited(whole: str, start: int, end: int, edits: dict[int, tuple[int, str | tuple[int, int]]]) -> str:
    """A part of `whole` with its edits: at a position, so many characters become a text, or another part."""
    made, at = [], start
    for position in sorted(place for place in edits if start <= place < end):
        length, instead = edits[position]
        said = instead if isinstance(instead, str) else f"({_edited(whole, *instead, edits)})"
        made += [whole[at:position], said]
        at = position + length
    return "".join([*made, whole[at:end]])


def settled_query(binding: Binding, text: str) -> str:
    """`settled` for a query whose tree does not tell where its constants stand: it is bound again, from its text."""
    [parsed] = parse(text)
    own = Binding(binding.catalog, binding.scope, (), parsed)
    own.search_path = binding.search_path
    bind_query(own, parsed.node)
    return settled(own, text)


def _means_the_same(dated: DatedLiteral) -> bool:
    """Whether the literal would be read as this value without a session and in 1970, too."""
    parse_at = dated.type.definition.parse_at
    assert parse_at is not None
    try:
        return bool(parse_at(pa.array([dated.text]), dated.type.typmod, {}, 0).equals(dated.value))
    except SqlError:
        return False
