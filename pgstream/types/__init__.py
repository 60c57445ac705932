"""The SQL types. Importing this package declares them all, the arrays over each included."""

from pgstream.types.array import declare_array
from pgstream.types.bit import BIT
from pgstream.types.bool import BOOL
from pgstream.types.bpchar import BPCHAR
from pgstream.types.bytea import BYTEA
from pgstream.types.catalog_text import ACLITEM, PG_NODE_TREE, TID
from pgstream.types.char import CHAR
from pgstream.types.cidr import CIDR
from pgstream.types.date import DATE
from pgstream.types.definition import BY_ALIAS, BY_NAME, BY_OID, Settings, SqlType, TypeDefinition, array_of, type_named
from pgstream.types.domain import domain_type
from pgstream.types.enum import enum_type
from pgstream.types.float4 import FLOAT4
from pgstream.types.float8 import FLOAT8
from pgstream.types.inet import INET
from pgstream.types.int2 import INT2
from pgstream.types.int4 import INT4
from pgstream.types.int8 import INT8
from pgstream.types.interval import INTERVAL
from pgstream.types.interval_text import Interval
from pgstream.types.json import JSON
from pgstream.types.jsonb import JSONB
from pgstream.types.jsonpath import JSONPATH
from pgstream.types.macaddr import MACADDR, MACADDR8
from pgstream.types.map import map_type
from pgstream.types.multirange import MULTIRANGES
from pgstream.types.name import NAME
from pgstream.types.numeric import NUMERIC_TYPE as NUMERIC
from pgstream.types.oid import CID, OID, REGCLASS, REGNAMESPACE, REGPROC, REGPROCEDURE, REGROLE, REGTYPE, XID
from pgstream.types.pg_lsn import PG_LSN
from pgstream.types.pseudo import ANY, ANYARRAY, ANYELEMENT, RECORD, VOID
from pgstream.types.range import DATERANGE, INT4RANGE, INT8RANGE, NUMRANGE, TSRANGE, TSTZRANGE
from pgstream.types.text import TEXT
from pgstream.types.time import TIME
from pgstream.types.timestamp import TIMESTAMP
from pgstream.types.timestamptz import TIMESTAMPTZ
from pgstream.types.timetz import TIMETZ
from pgstream.types.unknown import CSTRING, UNKNOWN
from pgstream.types.uuid import UUID
from pgstream.types.values import column_of, parse_text, plain_values, values_of
from pgstream.types.varbit import VARBIT
from pgstream.types.varchar import VARCHAR
from pgstream.types.vector import INT2VECTOR, OIDVECTOR
from pgstream.types.window import TSTZWINDOW, TSWINDOW

for _element in [definition for definition in BY_NAME.values() if definition.array_oid]:
    declare_array(_element)

TEXT_ARRAY = array_of(TEXT)

__all__ = [
    "ACLITEM",
    "ANY",
    "ANYARRAY",
    "ANYELEMENT",
    "BIT",
    "BOOL",
    "BPCHAR",
    "BYTEA",
    "BY_ALIAS",
    "BY_NAME",
    "BY_OID",
    "CHAR",
    "CID",
    "CIDR",
    "CSTRING",
    "DATE",
    "DATERANGE",
    "FLOAT4",
    "FLOAT8",
    "INET",
    "INT2",
    "INT2VECTOR",
    "INT4",
    "INT4RANGE",
    "INT8",
    "INT8RANGE",
    "INTERVAL",
    "JSON",
    "JSONB",
    "JSONPATH",
    "MACADDR",
    "MACADDR8",
    "MULTIRANGES",
    "NAME",
    "NUMERIC",
    "NUMRANGE",
    "OID",
    "OIDVECTOR",
    "PG_LSN",
    "PG_NODE_TREE",
    "RECORD",
    "REGCLASS",
    "REGNAMESPACE",
    "REGPROC",
    "REGPROCEDURE",
    "REGROLE",
    "REGTYPE",
    "TEXT",
    "TEXT_ARRAY",
    "TID",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TIMETZ",
    "TSRANGE",
    "TSTZRANGE",
    "TSTZWINDOW",
    "TSWINDOW",
    "UNKNOWN",
    "UUID",
    "VARBIT",
    "VARCHAR",
    "VOID",
    "XID",
    "Interval",
    "Settings",
    "SqlType",
    "TypeDefinition",
    "array_of",
    "column_of",
    "domain_type",
    "enum_type",
    "map_type",
    "parse_text",
    "plain_values",
    "type_named",
    "values_of",
]
