"""The formats there are."""

from collections.abc import Mapping

from pgstream.formats.csv import CSV
from pgstream.formats.format import FileFormat, RecordFormat
from pgstream.formats.json import JSON
from pgstream.formats.parquet import PARQUET
from pgstream.formats.raw import RAW

AnyFormat = RecordFormat | FileFormat

FORMATS: Mapping[str, AnyFormat] = {form.name: form for form in (JSON, CSV, PARQUET, RAW)}
