"""`WITH (key = value, …)` and `FORMAT f ENCODE e [(key = value, …)]`."""

from dataclasses import dataclass

from pgstream.sql.streaming.reader import Node, Reader


@dataclass(frozen=True, slots=True)
class Option:
    """`key = value` of a WITH clause; `key` is lower case with its dots.

    A value that is `SECRET name` or `CONNECTION name` is empty, and `named` is the RangeVar.
    """

    name: str
    value: str
    position: int
    named: Node | None = None


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
    return given_option(reader, name.lower(), position)


def given_option(reader: Reader, name: str, position: int) -> Option:
    """The option of that name with the value that comes next."""
    if reader.word() == "SECRET" and reader.word(1) not in (",", ")", ""):
        reader.accept("SECRET")
        named = reader.relation()
        if reader.accept("AS", "FILE"):
            if not name.endswith(".location"):
                reader.at -= 2
                reader.fail()
            name = name.removesuffix("location") + "pem"  # librdkafka takes the file's content, too
        return Option(name, "", position, named)
    return Option(name, _value(reader), position)


def parse_phrases(reader: Reader) -> tuple[Option, ...]:
    """A parenthesised list of `KEY WORDS [=] value`, as Materialize writes options: names keep their spaces."""
    reader.expect("(")
    found: list[Option] = []
    while not reader.accept(")"):
        if found:
            reader.expect(",")
        found.append(_phrase(reader))
    return tuple(found)


def _phrase(reader: Reader) -> Option:
    position = reader.position()
    name = reader.identifier()
    while True:
        if reader.accept("."):
            name += "." + reader.identifier()
        elif reader.accept("=") or _value_follows(reader):
            return given_option(reader, name, position)
        else:
            name += " " + reader.identifier()


def _value_follows(reader: Reader) -> bool:
    """Whether a value comes next rather than one more word of a name."""
    if reader.at >= len(reader.tokens):
        reader.fail()
    kind = reader.tokens[reader.at].name
    if reader.word() == "SECRET":
        return reader.word(1) not in ("=", "")
    return kind in ("SCONST", "USCONST", "ICONST", "FCONST", "ASCII_91") or reader.word() in ("(", "TRUE", "FALSE", "-")


def _value(reader: Reader) -> str:
    """A string, number, bare word, interval, or list of them with commas between."""
    if reader.at >= len(reader.tokens):
        reader.fail()
    if reader.word() == "INTERVAL" and reader.word(1).startswith("'"):
        return _interval(reader)
    for opening, closing in (("[", "]"), ("(", ")")):
        if reader.accept(opening):
            values = [_value(reader)]
            while reader.accept(","):
                values.append(_value(reader))
            reader.expect(closing)
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
    word = reader.identifier()
    while reader.accept("."):
        word += "." + reader.identifier()
    return word


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
