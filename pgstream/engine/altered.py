"""What ALTER asks of everybody else: definitions that are being built, and transactions that saw the old shape."""

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Table
from pgstream.engine.database import Database
from pgstream.engine.head import Head
from pgstream.errors import SerializationFailure
from pgstream.types.definition import SqlType


def finish_building(database: Database) -> None:
    """Ends every backfill: what they were told to read is about to be altered."""
    while going_on := database.builds.going_on:
        database.build(going_on[0])


def check_altered(base: Head, fork: Head, head: Head) -> None:
    """Raises SerializationFailure where the definitions of `fork`, which was made of `base`, cannot be repeated at
    `head`: somebody else altered what they alter or read, or has begun to read what they alter."""
    old, new, now = base.catalog.objects, fork.catalog.objects, head.catalog.objects
    for oid, thing in new.changed(old):
        before = old.get(oid)
        same = all(now.get(need) == old[need] for need in (oid, *getattr(thing, "depends", ())) if need in old)
        readers = () if before is None else head.catalog.dependents(oid)
        if not same or any(one.oid not in new for one in readers):
            raise SerializationFailure("could not serialize access due to concurrent update of the catalog")


def check_unaltered(base: Head | None, table: Table) -> None:
    """Raises SerializationFailure where `table` was another one when a transaction that wrote to it began."""
    if base is not None and base.catalog.objects.get(table.oid, table) != table:
        raise SerializationFailure("could not serialize access due to concurrent update of the catalog")


def given_shape(before: Catalog, after: Catalog) -> frozenset[int]:
    """The tables whose rows have other columns in a catalog than they had before."""
    tables = ((before.objects.get(oid), thing) for oid, thing in after.objects.changed(before.objects))
    return frozenset(
        new.oid for old, new in tables if isinstance(old, Table) and isinstance(new, Table) and _rows(old) != _rows(new)
    )


def _rows(table: Table) -> list[tuple[str, SqlType]]:
    return [(column.name, column.type) for column in table.columns]


def install_reshaped(database: Database, base: Head, fork: Head) -> None:
    """Commits a transaction that altered columns. Raises SerializationFailure where anybody else changed anything."""
    finish_building(database)
    if database.head is not base:
        raise SerializationFailure("could not serialize access due to concurrent update")
    database.install(fork)
