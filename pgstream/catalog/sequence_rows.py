"""Sequences among a catalog's objects, and as pg_class shows them."""

from collections.abc import Iterator

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import SUPERUSER, Sequence
from pgstream.catalog.system import Row


def sequences_of(catalog: Catalog) -> Iterator[Sequence]:
    """All sequences, oldest first."""
    return (thing for thing in catalog.in_order() if isinstance(thing, Sequence))


def class_row(one: Sequence) -> Row:
    """A sequence in pg_class."""
    return {
        "oid": one.oid,
        "relname": one.name,
        "relnamespace": one.schema_oid,
        "relowner": SUPERUSER,
        "relfilenode": one.node,
        "relpages": 1,
        "reltuples": 1.0,
        "relpersistence": "p",
        "relkind": "S",
        "relnatts": 3,
        "relispopulated": True,
        "relreplident": "n",
    }
