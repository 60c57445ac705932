"""oid and the other 32-bit identifiers: xid, cid and the reg* types. Python form: int.

The reg* types read and print numbers here. Names need a catalog: casts between them and text ask
`functions.casts.NAMES_OUT` and `NAMES_IN` first, which the functions that know the catalog fill.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidTextRepresentation, NumericValueOutOfRange
from pgstream.kernels.text import parse_integers
from pgstream.types.buffers import Strings
from pgstream.types.definition import SqlType, TypeDefinition, declare
from pgstream.types.integer import INTEGER, integer_codecs
from pgstream.types.lift import parsed

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
    return parse_integers(*memory, 0, OID_MAX)


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


OID = identifier("oid", 26, 1028, preferred=True)
XID = identifier("xid", 28, 1011, "U", parse=parse_transactions)
CID = identifier("cid", 29, 1012, "U", parse=parse_transactions)
REGPROC = identifier("regproc", 24, 1008)
REGPROCEDURE = identifier("regprocedure", 2202, 2207)
REGOPER = identifier("regoper", 2203, 2208)
REGOPERATOR = identifier("regoperator", 2204, 2209)
REGCLASS = identifier("regclass", 2205, 2210)
REGTYPE = identifier("regtype", 2206, 2211)
REGNAMESPACE = identifier("regnamespace", 4089, 4090)
REGROLE = identifier("regrole", 4096, 4097)
REGCOLLATION = identifier("regcollation", 4191, 4192)
REGCONFIG = identifier("regconfig", 3734, 3735)
REGDICTIONARY = identifier("regdictionary", 3769, 3770)
