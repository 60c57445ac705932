"""`EMIT ON WINDOW CLOSE` behind a query: RisingWave's clause for rows that come once, when their window is over."""

from collections.abc import Sequence

from pgstream.errors import FeatureNotSupported
from pgstream.sql.streaming.reader import Token

EMIT = "EMIT ON WINDOW CLOSE"


def without_emit(text: str, tokens: Sequence[Token]) -> tuple[str, list[Token], int]:
    """`text` with blanks for the clause and the tokens of one statement without it, and its position; -1 where it is
    not there."""
    words = [text[token.start : token.end].upper() for token in tokens]
    depth = 0
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word != "EMIT" or depth or at == 0 or words[at + 1 : at + 2] not in (["ON"], ["EVERY"]):
            continue
        start = tokens[at].start
        if words[at : at + 4] != EMIT.split():
            raise FeatureNotSupported(f"of EMIT only {EMIT} is supported yet", position=start)
        end = tokens[at + 3].end
        return text[:start] + " " * (end - start) + text[end:], [*tokens[:at], *tokens[at + 4 :]], start
    return text, list(tokens), -1


def with_emit(query: str, emit: int) -> str:
    """A query's text with the clause where it was said."""
    return query if emit < 0 else f"{query} {EMIT}"
