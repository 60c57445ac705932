"""Foreign keys as definitions make them: objects of the catalog, and where the rows that refer are arranged."""

from collections.abc import Callable
from dataclasses import replace

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import ForeignKey, Table
from pgstream.circuit.circuit import Circuit, Node
from pgstream.engine.head import Head
from pgstream.engine.roots import Roots
from pgstream.operators.arrange import Arrange
from pgstream.storage.run import ArrangementSpec


def reference_node(circuit: Circuit, roots: Roots, key: ForeignKey) -> Node:
    """Where the rows that refer are arranged by what they refer with."""
    rows = roots.stored[key.relation_oid].inputs[0]
    return circuit.add(Arrange(ArrangementSpec(rows.types, key.columns, ())), [rows])


def made_key(key: ForeignKey, table: Table, oid: int) -> ForeignKey:
    """`key` as a constraint of `table`."""
    target = key.target_oid or table.oid
    name = f"{key.label} on {table.oid}"
    return replace(key, oid=oid, schema_oid=table.schema_oid, name=name, relation_oid=table.oid, target_oid=target)


def with_keys(
    head: Head, table: Table, keys: tuple[ForeignKey, ...], circuit: Circuit, new_oids: Callable[[int], int]
) -> tuple[Head, list[int]]:
    """`head` with foreign keys of a table, and their OIDs."""
    oids: list[int] = []
    for key in keys:
        made = made_key(key, table, new_oids(1))
        node = reference_node(circuit, head.roots, made)
        head = replace(head, catalog=head.catalog.put(made), roots=head.roots.store(made.oid, node))
        oids.append(made.oid)
    return head, oids


def placed_keys(catalog: Catalog, oid: int, places: dict[int, int]) -> tuple[Catalog, set[int], list[ForeignKey]]:
    """The catalog in which the columns of a table stand elsewhere; the foreign keys that go with columns of their own,
    and those of others that refer to columns which are gone."""
    gone: set[int] = set()
    needing: list[ForeignKey] = []
    for part in catalog.belonging(oid):
        if isinstance(part, ForeignKey):
            if any(place not in places for place in part.columns):
                gone.add(part.oid)
                continue
            columns = tuple(places[place] for place in part.columns)
            some = tuple(places[place] for place in part.set_columns if place in places)
            catalog = catalog.put(replace(part, columns=columns, set_columns=some))
    for one in catalog.dependents(oid):
        if isinstance(one, ForeignKey) and one.oid not in gone:
            current = catalog.objects[one.oid]
            assert isinstance(current, ForeignKey)
            if any(place not in places for place in current.target_columns):
                needing.append(current)
                continue
            catalog = catalog.put(replace(current, target_columns=tuple(places[p] for p in current.target_columns)))
    return catalog, gone, needing
