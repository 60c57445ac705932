"""Other systems' SQL: `SET pgstream.dialect = 'mysql'` and its like.

    arroyo, feldera, flink, materialize, risingwave     Postgres' grammar and sql/streaming/ read them
    bigquery, duckdb, mysql, snowflake, spark, …        queries, changes and definitions are put into Postgres' words

The only file that imports sqlglot, and only once a statement is to be translated. What Postgres alone has (SET, BEGIN,
COPY, DECLARE) and our own statements (CREATE SOURCE, SUBSCRIBE) pass as they are, in every dialect.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from pgstream.errors import FeatureNotSupported, SqlError, SyntaxError42601

POSTGRES = "postgresql"
STREAMING = ("arroyo", "feldera", "flink", "materialize", "risingwave")
TRANSLATED = (
    "bigquery", "clickhouse", "databricks", "duckdb", "hive", "mysql", "oracle", "presto", "redshift", "snowflake",
    "spark", "sqlite", "trino", "tsql",
)  # fmt: skip
DIALECTS = (POSTGRES, *sorted((*STREAMING, *TRANSLATED)))
"""What pgstream.dialect may be."""

_FOLDS_UP = ("oracle", "snowflake")
"""Where "ID" is what id is; elsewhere quotes do not make a name sensitive to case."""

_SPELLED = re.compile(
    r"""'[^']*'|"[^"]*"|--[^\n]*|/\*.*?\*/|`([^`]*)`"""
    r"""|\b((?:CREATE|DROP)\s+)TEMPORARY\b(?=\s+(?:VIEW|TABLE)\b)"""
    r"""|\b(?:to_timestamp|to_date|to_char|date_format|from_unixtime)\b(?=\s*\()""",
    re.DOTALL | re.IGNORECASE,
)
"""What is spelled otherwise in some dialect, and what hides it."""

_CREATES = ("TABLE", "VIEW", "MATERIALIZED", "OR", "TEMP", "TEMPORARY", "TRANSIENT")
_DROPS = ("TABLE", "VIEW", "MATERIALIZED")
_TAKEN = ("SELECT", "WITH", "FROM", "VALUES", "(", "INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE", "TRUNCATE")

Token = Any


@dataclass(frozen=True)
class Origin:
    """Where a translated statement comes from: `text` from `start` to `end`, `made` of it in Postgres' words."""

    text: str
    start: int
    end: int
    made: str
    dialect: str

    def position(self, made: int) -> int:
        """The place in `text` of place `made` of the translation: of the same word, or of one close before it."""
        found = self.start
        for place, origin in self._places:
            if place > made:
                break
            found = origin
        return found

    @cached_property
    def _places(self) -> list[tuple[int, int]]:
        """(place in the translation, place in the text) of the words that both have, as they follow in the former.

        Words in the same order are paired first; another one goes with any of its kind in the text.
        """
        import difflib

        mine = _tokens(self.text[self.start : self.end], self.dialect)
        made = _tokens(self.made, "postgres")
        words, made_words = ([token.text.lower() for token in each] for each in (mine, made))
        paired: dict[int, int] = {}
        for block in difflib.SequenceMatcher(None, words, made_words, autojunk=False).get_matching_blocks():
            paired.update((block.b + i, block.a + i) for i in range(block.size))
        for at, word in enumerate(made_words):
            if at not in paired and word in words and (word[:1].isalnum() or word[:1] == "_"):
                paired[at] = words.index(word)
        return [(made[at].start, self.start + mine[paired[at]].start) for at in sorted(paired)]

    def moved(self, error: SqlError) -> SqlError:
        """`error` pointing into the user's text."""
        if error.position is not None:
            error.position = self.position(error.position)
        return error


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement of a text: `made` is its translation, None where Postgres' grammar reads it as it is."""

    start: int
    end: int
    made: str | None = None


def pieces(text: str, dialect: str) -> Iterator[Piece]:
    """The statements of `text`. Raises SyntaxError42601 and FeatureNotSupported, which point into `text`."""
    for tokens in _split(text, dialect):
        yield _piece(text, tokens, dialect)


def spans(text: str, dialect: str) -> list[tuple[int, int]]:
    """Where each statement of `text` starts and ends, without its semicolon. Raises SyntaxError42601."""
    return [(tokens[0].start, tokens[-1].end + 1) for tokens in _split(text, dialect)]


def _split(text: str, dialect: str) -> list[list[Token]]:
    """The tokens of each statement; empty statements are left out."""
    found: list[list[Token]] = [[]]
    for token in _tokens(text, dialect):
        if token.token_type.name == "SEMICOLON":
            found.append([])
        else:
            found[-1].append(token)
    return [tokens for tokens in found if tokens]


_OWN_MEANING = {
    "arroyo": {"to_timestamp": "timestamp_at", "to_date": "date_of", "to_char": "chrono", "date_format": "chrono"},
    "flink": {"to_timestamp": "timestamp_of", "to_date": "date_of", "from_unixtime": "unixtime_text"},
}
"""Functions that a dialect has under a name of PostgreSQL's for something else, or of another dialect's, and what they
are called here: names that are no longer."""


def spelled(text: str, dialect: str) -> str:
    """`text` of a streaming system with its quotes, names of functions and TEMPORARY in SQL's words; as long as it was.

    What other systems call temporary, because it is of the session that runs the job, is kept until it is dropped.
    """
    if dialect not in STREAMING:
        return text
    meanings = _OWN_MEANING.get(dialect, {})

    def word(found: re.Match[str]) -> str:
        whole = found[0]
        if found[1] is not None:
            return f'"{found[1]}"' if dialect == "flink" else whole
        if found[2] is not None:
            return found[2] + " " * (len(whole) - len(found[2]))
        return meanings.get(whole.lower(), whole).ljust(len(whole)) if whole[0].isalpha() else whole

    return _SPELLED.sub(word, text)


def _tokens(text: str, dialect: str) -> list[Token]:
    import sqlglot
    from sqlglot.errors import TokenError

    try:
        return list(sqlglot.tokenize(text, read=dialect))
    except TokenError as error:
        raise SyntaxError42601("unterminated quoted string or comment", position=error.start) from None


def _piece(text: str, tokens: list[Token], dialect: str) -> Piece:
    start, end = tokens[0].start, tokens[-1].end + 1
    words = [text[token.start : token.end + 1].upper() for token in tokens]
    at = _after_explain(words)
    if at < len(words) and _is_translated(words[at:]):
        first = tokens[at].start
        made = _translation(text[first:end], first, dialect)
        return Piece(start, end, text[start:first] + made)
    return Piece(start, end)


def _after_explain(words: list[str]) -> int:
    """Where the statement begins that EXPLAIN explains; 0 for any other statement."""
    if words[0] != "EXPLAIN":
        return 0
    at = 1
    if words[1:2] == ["("] and words[2:3] not in (["SELECT"], ["WITH"]):
        at = words.index(")") + 1 if ")" in words else at
    while words[at : at + 1] in (["ANALYZE"], ["VERBOSE"]):
        at += 1
    return at


def _is_translated(words: list[str]) -> bool:
    """Whether a statement is one that other systems spell in their own way."""
    match words:
        case ["CREATE", kind, *_] if kind in _CREATES:
            options = words[words.index("WITH") :] if "WITH" in words else []
            return not any(word.strip("'\"`") == "CONNECTOR" for word in options)
        case ["DROP", kind, *_]:
            return kind in _DROPS
        case ["ALTER", "TABLE", *_]:
            return True
    return words[0] in _TAKEN


def _translation(text: str, start: int, dialect: str) -> str:
    """One statement in Postgres' words."""
    import logging

    import sqlglot
    from sqlglot.errors import ParseError, UnsupportedError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # what it warns of is raised here
    try:
        tree = sqlglot.parse_one(text, read=dialect)
        for node in reversed(list(tree.bfs())):  # each after what is in it
            adapted = _adapted(node, dialect, start)
            if node is tree:
                tree = adapted
            elif adapted is not node:
                node.replace(adapted)
        made: str = tree.sql("postgres", comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE)
    except ParseError as error:
        _refuse(error, text, start)
    except UnsupportedError as error:
        raise FeatureNotSupported(f"not supported in dialect {dialect}: {error}", position=start) from None
    return made


def _refuse(error: Any, text: str, start: int) -> NoReturn:
    [told, *_] = error.errors or [{}]
    near = told.get("highlight") or ""
    lines = text.splitlines(keepends=True)
    row, column = told.get("line") or 1, told.get("col") or 1
    end = sum(map(len, lines[: row - 1])) + column  # a word's column is that of its last character
    place = text.rfind(near, 0, end) if near else end
    message = f'syntax error at or near "{near}"' if near else "syntax error at end of input"
    wanted = told.get("description", "").startswith("Expecting")
    detail = f"{told['description']}." if wanted else None
    raise SyntaxError42601(message, position=start + max(place, 0), detail=detail) from None


_UNSIGNED = {
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INT",
    "UMEDIUMINT": "INT",
    "UINT": "BIGINT",
    "UBIGINT": "DECIMAL(20)",
}

_ABOUT_STORAGE = (
    "AutoIncrementProperty", "CharacterSetProperty", "CollateProperty", "EngineProperty", "FileFormatProperty",
    "SchemaCommentProperty", "TransientProperty",
)  # fmt: skip
"""What CREATE TABLE may say about how a table is kept, which is ours to decide."""


def _adapted(node: Any, dialect: str, start: int) -> Any:
    """A node of the tree as Postgres' words can say it: what sqlglot itself would say wrongly, or not at all."""
    from sqlglot import exp

    match node:
        case exp.Identifier(quoted=True):
            if dialect not in _FOLDS_UP or node.this.isupper():
                node.set("this", node.this.lower())
        case exp.Command():
            raise _unsupported(f"{str(node.this).upper()} of dialect {dialect}", node, start)
        case exp.Star():
            return _star(node)
        case exp.Lambda():
            raise _unsupported("a lambda expression", node, start)
        case exp.Join(method="ASOF") if dialect == "snowflake" and not node.side:
            node.set("side", "LEFT")  # there every left row stays
        case exp.Version():
            raise _unsupported("a past state of a relation", node, start)
        case exp.CountIf():
            return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]))
        case exp.TryCast() if type(node) is exp.TryCast:
            return _tried(node)
        case exp.DataType() if node.this.name in _UNSIGNED:
            return exp.DataType.build(_UNSIGNED[node.this.name], dialect="postgres")
        case exp.GroupConcat():
            joined = node.this.this if isinstance(node.this, exp.Order) else node.this
            if not isinstance(joined, exp.Cast | exp.Distinct):
                joined.replace(exp.cast(joined.copy(), "text"))
        case exp.Select() if node.args.get("qualify") and (node.args.get("order") or node.args.get("limit")):
            return _qualified_first(node)
        case exp.Properties():
            kept = [each for each in node.expressions if type(each).__name__ not in _ABOUT_STORAGE]
            return exp.Properties(expressions=kept) if kept else None
        case exp.TsOrDsAdd() if str(node.args.get("unit") or "DAY").upper() in ("DAY", "WEEK", "MONTH"):
            if not isinstance(node.parent, exp.Cast):
                return exp.cast(node.copy(), "date")
    return node


_STAR_CHANGES = (("except_", "EXCEPT"), ("except", "EXCEPT"), ("replace", "REPLACE"), ("rename", "RENAME"))


def _star(node: Any) -> Any:
    """A star and what it leaves out or changes, in the words that our grammar knows of BigQuery's."""
    from sqlglot import exp

    changes = [
        f" {word} ({', '.join(each.sql('postgres') for each in node.args[name])})"
        for name, word in _STAR_CHANGES
        if node.args.get(name)
    ]
    return exp.Var(this="*" + "".join(changes)) if changes else node


def _unsupported(what: str, node: Any, start: int) -> SqlError:
    place = node.meta.get("start") or 0
    return FeatureNotSupported(f"{what} is not supported yet", position=start + place)


def _tried(node: Any) -> Any:
    """TRY_CAST and SAFE_CAST: NULL where the value's text is none of the type's."""
    from sqlglot import exp

    text = exp.cast(node.this, "text")
    valid = exp.func("pg_input_is_valid", text, exp.Literal.string(node.to.sql("postgres").lower()))
    return exp.Case(ifs=[exp.If(this=valid, true=exp.cast(text.copy(), node.to))])


def _qualified_first(node: Any) -> Any:
    """A SELECT whose ORDER BY and LIMIT are about what QUALIFY leaves."""
    from sqlglot import exp

    inner = node.copy()
    outer = exp.select("*")
    for clause in ("order", "limit", "offset"):
        outer.set(clause, inner.args.get(clause))
        inner.set(clause, None)
    return outer.from_(inner.subquery("_qualified"))
