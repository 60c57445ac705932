"""The options of a COPY statement: read from the AST and held against each other as PostgreSQL does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgstream.catalog.objects import Relation
from pgstream.catalog.system import SystemRelation
from pgstream.errors import (
    DuplicateColumn,
    FeatureNotSupported,
    InvalidColumnReference,
    InvalidParameterValue,
    SyntaxError42601,
    UndefinedColumn,
)
from pgstream.session.settings import encoding_named
from pgstream.sql.parse import ast

FORMATS = ("text", "csv", "binary")


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How the rows of a COPY are written. Single characters are single bytes; `force_*` are column positions."""

    format: str = "text"
    delimiter: bytes = b"\t"
    null: bytes = b"\\N"
    header: str = "off"
    """off, on or match."""
    quote: bytes = b'"'
    escape: bytes = b'"'
    force_quote: frozenset[int] = frozenset()
    force_not_null: frozenset[int] = frozenset()
    force_null: frozenset[int] = frozenset()


def copy_options(
    statement: Any, columns: Sequence[str], relation: Relation | SystemRelation | None = None
) -> CopyOptions:
    """The options of CopyStmt `statement` that copies columns of these names, of `relation` or of a query."""
    given = _given(statement.options or ())
    format = given.get("format", "text")
    _refuse_misplaced(given, format, bool(statement.is_from))
    csv = format == "csv"
    quote = given.get("quote", '"')
    options = CopyOptions(
        format,
        given.get("delimiter", "," if csv else "\t").encode(),
        given.get("null", "" if csv else "\\N").encode(),
        given.get("header", "off"),
        quote.encode(),
        given.get("escape", quote).encode(),
        *(_positions(given, name, columns, relation) for name in ("force_quote", "force_not_null", "force_null")),
    )
    _validate(options)
    return options


def _given(elements: Sequence[Any]) -> Mapping[str, Any]:
    """The options as written: texts, or column names for force_*."""
    given: dict[str, Any] = {}
    for element in elements:
        name = element.defname
        if name in given:
            raise SyntaxError42601("conflicting or redundant options", position=element.location)
        if name == "format":
            given[name] = _text(element)
            if given[name] not in FORMATS:
                raise InvalidParameterValue(f'COPY format "{given[name]}" not recognized', position=element.location)
        elif name in ("delimiter", "null", "quote", "escape"):
            given[name] = _text(element)
        elif name == "header":
            given[name] = _header(element)
        elif name in ("force_quote", "force_not_null", "force_null"):
            given[name] = _column_names(element)
        elif name == "encoding":
            _require_utf8(element)
        elif name != "freeze":
            raise SyntaxError42601(f'option "{name}" not recognized', position=element.location)
    return given


def _text(element: Any) -> str:
    argument = element.arg
    for field in ("sval", "ival", "fval", "boolval"):
        if hasattr(argument, field):
            value = getattr(argument, field)
            return str(value).lower() if isinstance(value, bool) else str(value)
    raise SyntaxError42601(f"{element.defname} requires a parameter")


def _header(element: Any) -> str:
    if element.arg is None:
        return "on"
    word = _text(element).lower()
    if word in ("on", "true", "1"):
        return "on"
    if word in ("off", "false", "0"):
        return "off"
    if word == "match":
        return "match"
    raise SyntaxError42601('header requires a Boolean value or "match"')


def _column_names(element: Any) -> tuple[str, ...] | None:
    """The names listed; None for `*`."""
    if isinstance(element.arg, ast.A_Star):
        return None
    if not isinstance(element.arg, tuple | list):
        raise InvalidParameterValue(
            f'argument to option "{element.defname}" must be a list of column names', position=element.location
        )
    return tuple(name.sval for name in element.arg)


def _require_utf8(element: Any) -> None:
    if encoding_named(_text(element)) is None:
        raise InvalidParameterValue(
            'argument to option "encoding" must be a valid encoding name', position=element.location
        )


def _positions(
    given: Mapping[str, Any], option: str, columns: Sequence[str], relation: Relation | SystemRelation | None
) -> frozenset[int]:
    if option not in given:
        return frozenset()
    names = given[option]
    if names is None:
        return frozenset(range(len(columns)))
    for name in names:
        if name not in columns:
            if relation is None:
                raise UndefinedColumn(f'column "{name}" does not exist')
            copied_positions([name], [column.name for column in relation.columns], relation.name)
            raise InvalidColumnReference(f'{option.upper()} column "{name}" not referenced by COPY')
    return frozenset(columns.index(name) for name in names)


def _refuse_misplaced(given: Mapping[str, Any], format: str, is_from: bool) -> None:
    """Options that this format or direction does not have."""
    if format == "binary":
        for option in ("delimiter", "null"):
            if option in given:
                raise SyntaxError42601(f"cannot specify {option.upper()} in BINARY mode")
        if given.get("header", "off") != "off":
            raise FeatureNotSupported("cannot specify HEADER in BINARY mode")
    if not is_from and given.get("header") == "match":
        raise InvalidParameterValue('cannot use "match" with HEADER in COPY TO')
    for option in ("quote", "escape", "force_quote", "force_not_null", "force_null"):
        if option in given and format != "csv":
            raise FeatureNotSupported(f"COPY {option.replace('_', ' ')} available only in CSV mode")
    if "force_quote" in given and is_from:
        raise FeatureNotSupported("COPY force quote only available using COPY TO")
    for option in ("force_not_null", "force_null"):
        if option in given and not is_from:
            raise FeatureNotSupported(f"COPY {option.replace('_', ' ')} only available using COPY FROM")


def _validate(options: CopyOptions) -> None:
    for name in ("delimiter", "quote", "escape"):
        if len(getattr(options, name)) != 1:
            raise FeatureNotSupported(f"COPY {name} must be a single one-byte character")
    if options.delimiter in (b"\r", b"\n"):
        raise InvalidParameterValue("COPY delimiter cannot be newline or carriage return")
    if b"\r" in options.null or b"\n" in options.null:
        raise InvalidParameterValue("COPY null representation cannot use newline or carriage return")
    if options.format == "text" and options.delimiter in b"\\.abcdefghijklmnopqrstuvwxyz0123456789":
        raise InvalidParameterValue(f'COPY delimiter cannot be "{options.delimiter.decode()}"')
    if options.format == "csv" and options.delimiter == options.quote:
        raise InvalidParameterValue("COPY delimiter and quote must be different")
    if options.format != "binary" and options.delimiter in options.null:
        raise FeatureNotSupported("COPY delimiter must not appear in the NULL specification")
    if options.format == "csv" and options.quote in options.null:
        raise FeatureNotSupported("CSV quote character must not appear in the NULL specification")


def copied_columns(relation: Relation | SystemRelation, names: Sequence[str] | None) -> tuple[int, ...]:
    """Positions of the columns a COPY lists (None: all that are given values, and not computed)."""
    generated = {column.name for column in relation.columns if column.generated is not None}
    for name in names or ():
        if name in generated:
            raise InvalidColumnReference(
                f'column "{name}" is a generated column', detail="Generated columns cannot be used in COPY."
            )
    listed = [column.name for column in relation.columns]
    if names is None:
        names = [name for name in listed if name not in generated]
    return copied_positions(names, listed, relation.name)


def copied_positions(names: Sequence[str] | None, columns: Sequence[str], relation: str) -> tuple[int, ...]:
    """Positions of the columns a COPY lists (None: all) among the `columns` of `relation`."""
    if names is None:
        return tuple(range(len(columns)))
    positions: list[int] = []
    for name in names:
        if name not in columns:
            raise UndefinedColumn(f'column "{name}" of relation "{relation}" does not exist')
        position = columns.index(name)
        if position in positions:
            raise DuplicateColumn(f'column "{name}" specified more than once')
        positions.append(position)
    return tuple(positions)
