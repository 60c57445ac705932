"""`WITH (key = value, …)` and `FORMAT f ENCODE e [(key = value, …)]`."""

from dataclasses import dataclass

from pgstream.sql.streaming.reader import Reader


@dataclass(frozen=True, slots=True)
class Option:
    """`key = value` of a WITH clause; `key` is lower case with its dots."""

    name: str
    value: str
    position: int


@dataclass(frozen=True, slots=True)
class Format:
    """`FORMAT PLAIN ENCODE JSON (…)`, both names in upper case; empty where left out."""

    format: str = ""
    encode: str = ""
    options: tuple[Option, ...] = ()
    position: int = -1


def parse_options(reader: Reader) -> tuple[Option, ...]:
    """A parenthesised list of options."""
    reader.expect("(")
    found: list[Option] = []
    while not reader.accept(")"):
        if found:
            reader.expect(",")
        found.append(_option(reader))
    return tuple(found)


def _option(reader: Reader) -> Option:
    position = reader.position()
    token = reader.tokens[reader.at] if reader.at < len(reader.tokens) else None
    name = _value(reader) if token is not None and token.name == "SCONST" else reader.identifier()
    while reader.accept("."):
        name += "." + reader.identifier()
    reader.expect("=")
    return Option(name.lower(), _value(reader), position)


def _value(reader: Reader) -> str:
    """A string, number, bare word, interval, or list of them with commas between."""
    if reader.at >= len(reader.tokens):
        reader.fail()
    if reader.word() == "INTERVAL" and reader.word(1).startswith("'"):
        return _interval(reader)
    if reader.accept("["):
        values = [_value(reader)]
        while reader.accept(","):
            values.append(_value(reader))
        reader.expect("]")
        return ",".join(values)
    sign = "-" if reader.accept("-") else ""
    token, spelled = reader.tokens[reader.at], reader.spelled(reader.at)
    if token.name in ("ICONST", "FCONST"):
        reader.at += 1
        return sign + spelled
    if token.name in ("SCONST", "USCONST") and not sign:
        reader.at += 1
        return reader.grammar.string(spelled)
    if sign:
        reader.fail()
    return reader.identifier()


def _interval(reader: Reader) -> str:
    """`INTERVAL '10' SECOND` and `INTERVAL '10 seconds'`."""
    reader.expect("INTERVAL")
    amount = reader.grammar.string(reader.spelled(reader.at))
    reader.at += 1
    return amount if reader.word() in (",", ")", "]", "") else f"{amount} {reader.identifier()}"


def parse_format(reader: Reader) -> Format:
    """`FORMAT f ENCODE e [(options)]`, or nothing."""
    position = reader.position()
    if not reader.accept("FORMAT"):
        return Format()
    format = reader.identifier().upper()
    encode = reader.identifier().upper() if reader.accept("ENCODE") else ""
    options = parse_options(reader) if encode and reader.word() == "(" else ()
    return Format(format, encode, options, position)
