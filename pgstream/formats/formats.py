"""The formats there are."""

from collections.abc import Mapping

from pgstream.formats.avro import AVRO
from pgstream.formats.csv import CSV
from pgstream.formats.debezium_json import DEBEZIUM_JSON
from pgstream.formats.debezium_objects import DEBEZIUM_AVRO, DEBEZIUM_PROTOBUF
from pgstream.formats.format import FileFormat, RecordFormat
from pgstream.formats.json import JSON
from pgstream.formats.parquet import PARQUET
from pgstream.formats.protobuf import PROTOBUF
from pgstream.formats.raw import RAW
from pgstream.formats.raw_bytes import RAW_BYTES

AnyFormat = RecordFormat | FileFormat
ALL: tuple[AnyFormat, ...] = (
    JSON,
    CSV,
    PARQUET,
    RAW,
    RAW_BYTES,
    DEBEZIUM_JSON,
    DEBEZIUM_AVRO,
    DEBEZIUM_PROTOBUF,
    AVRO,
    PROTOBUF,
)

FORMATS: Mapping[str, AnyFormat] = {name: form for form in ALL for name in (form.name, *form.aliases)}

ENVELOPED: Mapping[str, str] = {
    "json": DEBEZIUM_JSON.name,
    "avro": DEBEZIUM_AVRO.name,
    "protobuf": DEBEZIUM_PROTOBUF.name,
}
"""The formats that are what Debezium's envelope in each encoding is."""
