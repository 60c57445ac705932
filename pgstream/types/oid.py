"""oid and the other 32-bit identifiers: xid, cid and the reg* types. Python form: int.

The reg* types read and print numbers (0 is `-`) where nobody knows names. Names need a catalog: output prints them
where the session's settings are `NamingSettings`; casts from and to text ask `functions.casts.NAMES_OUT` and `NAMES_IN`
first, which the functions that know the catalog fill.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidTextRepresentation, NumericValueOutOfRange
from pgstream.kernels.text import parse_integers
from pgstream.types.buffers import Strings
from pgstream.types.definition import Settings, SqlType, TypeDefinition, declare
from pgstream.types.integer import INTEGER, integer_codecs
from pgstream.types.lift import over_distinct, parsed

OID_MAX = 2**32 - 1


def oid_of(text: str) -> int:
    """The oid that `text` spells; a negative number wraps, as PostgreSQL's oidin does."""
    found = INTEGER.fullmatch(text)
    if found is None:
        raise InvalidTextRepresentation(f'invalid input syntax for type oid: "{text}"')
    value = int(found[1])
    if not -(2**31) <= value <= OID_MAX:
        raise NumericValueOutOfRange(f'value "{text}" is out of range for type oid')
    return value % 2**32


def transaction_of(text: str) -> int:
    """The number at the start of `text`, as strtoul reads it: xid and cid accept anything."""
    found = INTEGER.match(text)
    return int(found[1]) % 2**32 if found else 0


def kernel(memory: Strings) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """Plain decimal digits."""
    values, done = parse_integers(*memory, 0, OID_MAX)
    return values, done


def parse_oids(text: Column, typmod: int) -> Column:
    """Input: decimal digits."""
    return parsed(text, pa.int64(), kernel, oid_of)


def parse_transactions(text: Column, typmod: int) -> Column:
    """Input of xid and cid."""
    return parsed(text, pa.int64(), kernel, transaction_of)


def identifier(name: str, oid: int, array_oid: int, category: str = "N", **facts: Any) -> SqlType:
    """Declares a 32-bit identifier type."""
    codecs = {**integer_codecs(pa.int64(), ">u4", 0, OID_MAX, "oid"), "parse": parse_oids, **facts}
    definition = TypeDefinition(
        name=name,
        sql_name=name,
        oid=oid,
        array_oid=array_oid,
        category=category,
        length=4,
        by_value=True,
        samples=("0", "1", "1259", "4294967295"),
        **codecs,
    )
    return declare(definition)


class NamingSettings(Protocol):
    """Session settings that also know what objects are called: a Mapping of settings with one more method."""

    def name_of(self, type_name: str, oid: int) -> str | None:
        """The text of `oid` as the reg* type `type_name` prints it; None where there is no such object."""


def registered(name: str, oid: int, array_oid: int) -> SqlType:
    """Declares a type of oids that print as names."""

    def name_of(value: int, settings: Settings) -> str:
        if value == 0:
            return "-"
        ask: Callable[[str, int], str | None] | None = getattr(settings, "name_of", None)
        return (ask and ask(name, value)) or str(value)

    def parse_registered(text: Column, typmod: int) -> Column:
        return parse_oids(pc.if_else(pc.equal(text, "-"), "0", text), typmod)

    def format_registered(column: Column, settings: Settings) -> Column:
        return over_distinct(column, pa.string(), lambda value: name_of(value, settings))

    return identifier(name, oid, array_oid, parse=parse_registered, format=format_registered)


OID = identifier("oid", 26, 1028, preferred=True)
XID = identifier("xid", 28, 1011, "U", parse=parse_transactions)
CID = identifier("cid", 29, 1012, "U", parse=parse_transactions)
REGPROC = registered("regproc", 24, 1008)
REGPROCEDURE = registered("regprocedure", 2202, 2207)
REGOPER = registered("regoper", 2203, 2208)
REGOPERATOR = registered("regoperator", 2204, 2209)
REGCLASS = registered("regclass", 2205, 2210)
REGTYPE = registered("regtype", 2206, 2211)
REGNAMESPACE = registered("regnamespace", 4089, 4090)
REGROLE = registered("regrole", 4096, 4097)
REGCOLLATION = registered("regcollation", 4191, 4192)
REGCONFIG = registered("regconfig", 3734, 3735)
REGDICTIONARY = registered("regdictionary", 3769, 3770)
