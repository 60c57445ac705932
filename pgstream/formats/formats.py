"""The formats there are."""

from collections.abc import Mapping

from pgstream.formats.format import FileFormat, RecordFormat
from pgstream.formats.json import JSON

AnyFormat = RecordFormat | FileFormat

FORMATS: Mapping[str, AnyFormat] = {form.name: form for form in (JSON,)}
