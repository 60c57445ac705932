"""Sequences as definitions make them, and those of serial and identity columns."""

from collections.abc import Callable
from dataclasses import replace

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Sequence, Table
from pgstream.engine.draft import Draft, free_name, require_free
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.sql.bind.sequences import next_value
from pgstream.sql.bind.statements import CreateSequence

NewOids = Callable[[int], int]


def sequence_made(head: Head, statement: CreateSequence, new_oids: NewOids, tag: str) -> Draft:
    """`head` with a sequence, new or with other options."""
    made = statement.sequence
    if not made.oid:
        require_free(head.catalog, made.schema_oid, made.name)
    return Draft(replace(head, catalog=head.catalog.put(placed(made, new_oids))), Outcome(tag))


def placed(sequence: Sequence, new_oids: NewOids) -> Sequence:
    """`sequence` with the OID and the node that it lacks."""
    oid = sequence.oid or new_oids(1)
    return replace(sequence, oid=oid, node=sequence.node or (new_oids(1) if sequence.oid else oid))


def with_sequences(
    catalog: Catalog, table: Table, sequences: tuple[tuple[str, Sequence], ...], new_oids: NewOids
) -> tuple[Catalog, Table]:
    """The catalog with the sequences of these columns, and the table that draws from them."""
    columns = list(table.columns)
    for name, wish in sequences:
        place = [column.name for column in columns].index(name)
        made = wish
        if not wish.oid:
            chosen = free_name(catalog, table.schema_oid, f"{table.name}_{name}_seq")
            made = replace(wish, schema_oid=table.schema_oid, name=chosen, owner=table.oid, column=name)
        made = placed(made, new_oids)
        catalog = catalog.put(made)
        columns[place] = replace(columns[place], default=next_value(made.oid))
    return catalog, replace(table, columns=tuple(columns))
