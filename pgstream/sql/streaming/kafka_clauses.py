"""Materialize's clauses for topics of a connection:

CREATE SOURCE … FROM KAFKA CONNECTION c (TOPIC 't', …) formats [INCLUDE part [AS name], …] [ENVELOPE e]
CREATE SINK … INTO KAFKA CONNECTION c (TOPIC 't', …) [KEY (column, …) [NOT ENFORCED]] formats [ENVELOPE e]

formats: FORMAT f, or KEY FORMAT f VALUE FORMAT f, where f is JSON, TEXT, BYTES, or AVRO | PROTOBUF USING CONFLUENT
SCHEMA REGISTRY CONNECTION r. A source without columns has those that Materialize gives it: `data`, `text`, and the key.
"""

from dataclasses import dataclass, field

from pgstream.errors import FeatureNotSupported
from pgstream.sql.streaming.options import Format, Option, parse_phrases
from pgstream.sql.streaming.reader import Node, Reader

_SOURCE_PHRASES = {
    "topic": "topic", "group id prefix": "group.id.prefix", "start timestamp": "scan.startup.timestamp.millis",
    "start offset": "scan.startup.specific-offsets",
}  # fmt: skip
_SINK_PHRASES = {
    "topic": "topic", "compression type": "properties.compression.type", "progress group id prefix": "group.id.prefix",
    "transactional id prefix": "sink.transactional-id-prefix", "topic partition count": "sink.topic.partitions",
    "topic replication factor": "sink.topic.replication_factor",
}  # fmt: skip
_COLUMNS = {"JSON": "data jsonb", "TEXT": "text text", "BYTES": "data bytea"}
_KEYS = {"JSON": "jsonb", "TEXT": "text", "BYTES": "bytea"}
_ENVELOPES = {"NONE": "PLAIN", "UPSERT": "UPSERT", "DEBEZIUM": "DEBEZIUM"}
_PARTS = {"KEY": "key", "PARTITION": "partition", "OFFSET": "offset", "TIMESTAMP": "timestamp", "HEADERS": "headers"}
_PART_TYPES = {"partition": "int4", "offset": "int8", "timestamp": "timestamp", "headers": "jsonb"}


@dataclass(slots=True)
class Topic:
    """What these clauses say, in the words of WITH and FORMAT … ENCODE; `made` are the columns of a source without a
    column list, as SQL, and `metadata` those of them that show a part of a message."""

    options: list[Option]
    format: Format = field(default_factory=Format)
    made: list[str] = field(default_factory=list)
    metadata: list[tuple[str, str]] = field(default_factory=list)

    def elements(self, reader: Reader) -> tuple[Node, ...]:
        """The columns as nodes."""
        if not self.made:
            return ()
        return tuple(reader.grammar.statement(f"CREATE TABLE x ({', '.join(self.made)})").tableElts)


@dataclass(frozen=True, slots=True)
class _Encoding:
    name: str
    options: tuple[Option, ...] = ()


def parse_source_topic(reader: Reader, *, has_columns: bool) -> Topic:
    """What follows FROM."""
    topic = Topic(_connection(reader, _SOURCE_PHRASES))
    topic.options += _start(topic.options)
    key, value, position = _encodings(reader)
    parts = list(_included(reader))
    envelope = _envelope(reader)
    if envelope == "UPSERT" and not any(part == "key" for part, _ in parts):
        parts.insert(0, ("key", "key"))
    topic.format = Format(envelope, value.name, (*value.options, *_unstructured(value, has_columns)), position)
    if has_columns or value.name not in _COLUMNS:
        return topic
    for part, name in parts:
        type = _KEYS.get(key.name, "bytea") if part == "key" else _PART_TYPES[part]
        unique = " PRIMARY KEY" if part == "key" and envelope == "UPSERT" else ""
        topic.made.append(f'"{name}" {type}{unique}')
        topic.metadata.append((name, part))
    topic.made.append(_COLUMNS[value.name])
    return topic


def parse_sink_topic(reader: Reader) -> Topic:
    """What follows INTO."""
    position = reader.position()
    topic = Topic(_connection(reader, _SINK_PHRASES))
    topic.options.append(Option("sink.create_topic", "true", position))
    if reader.word() == "KEY" and reader.word(1) == "(":
        reader.accept("KEY", "(")
        names = [reader.identifier()]
        while reader.accept(","):
            names.append(reader.identifier())
        reader.expect(")")
        reader.accept("NOT", "ENFORCED")
        topic.options.append(Option("primary_key", ",".join(names), position))
    if reader.word() == "HEADERS":
        raise FeatureNotSupported("HEADERS of CREATE SINK is not supported yet", position=reader.position())
    _, value, position = _encodings(reader)
    topic.format = Format(_envelope(reader), value.name, value.options, position)
    if reader.accept("WITH"):
        for option in parse_phrases(reader):
            if (option.name, option.value.lower()) != ("snapshot", "true"):
                raise FeatureNotSupported(
                    f'option "{option.name}" of CREATE SINK is not supported yet', position=option.position
                )
    return topic


def _connection(reader: Reader, phrases: dict[str, str]) -> list[Option]:
    position = reader.position()
    reader.expect("KAFKA", "CONNECTION")
    named = reader.relation()
    given = parse_phrases(reader)
    found = [Option(phrases.get(one.name, one.name), one.value, one.position, one.named) for one in given]
    return [Option("connection", "", position, named), Option("connector", "kafka", position), *found]


def _start(options: list[Option]) -> list[Option]:
    """The mode that goes with where a source is to start; offsets stand for the partitions in their order."""
    for number, option in enumerate(options):
        if option.name == "scan.startup.specific-offsets":
            offsets = ",".join(f"{partition}:{at}" for partition, at in enumerate(option.value.split(",")))
            options[number] = Option(option.name, offsets, option.position)
            return [Option("scan.startup.mode", "specific-offsets", option.position)]
        if option.name == "scan.startup.timestamp.millis":
            return [Option("scan.startup.mode", "timestamp", option.position)]
    return []


def _encodings(reader: Reader) -> tuple[_Encoding, _Encoding, int]:
    """How keys and values are encoded."""
    position = reader.position()
    if reader.accept("KEY", "FORMAT"):
        key = _encoding(reader)
        reader.expect("VALUE", "FORMAT")
        return key, _encoding(reader), position
    reader.expect("FORMAT")
    value = _encoding(reader)
    return value, value, position


def _encoding(reader: Reader) -> _Encoding:
    position = reader.position()
    name = reader.identifier().upper()
    if name not in (*_COLUMNS, "AVRO", "PROTOBUF"):
        raise FeatureNotSupported(f"FORMAT {name} is not supported here", position=position)
    if not reader.accept("USING"):
        return _Encoding(name)
    reader.expect("CONFLUENT", "SCHEMA", "REGISTRY", "CONNECTION")
    registry = Option("connection", "", position, reader.relation())
    confluent = (Option("avro.confluent_schema_registry", "true", position),) if name == "AVRO" else ()
    return _Encoding(name, (registry, *confluent))


def _unstructured(value: _Encoding, has_columns: bool) -> tuple[Option, ...]:
    return (Option("json.unstructured", "true", -1),) if value.name == "JSON" and not has_columns else ()


def _included(reader: Reader) -> list[tuple[str, str]]:
    """(part, column) of INCLUDE."""
    found: list[tuple[str, str]] = []
    if not reader.accept("INCLUDE"):
        return found
    while True:
        if reader.word() not in _PARTS:
            reader.fail()
        part = _PARTS[reader.word()]
        reader.at += 1
        found.append((part, reader.identifier() if reader.accept("AS") else part))
        if not reader.accept(","):
            return found


def _envelope(reader: Reader) -> str:
    if not reader.accept("ENVELOPE"):
        return "PLAIN"
    word = reader.word()
    if word not in _ENVELOPES:
        reader.fail()
    reader.at += 1
    return _ENVELOPES[word]
