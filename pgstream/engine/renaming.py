"""ALTER … RENAME and SET SCHEMA: new names, and what is kept as text said again with them."""

from dataclasses import replace

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import (
    CatalogObject,
    Feed,
    ForeignKey,
    Index,
    MaterializedView,
    Schema,
    Sequence,
    Sink,
    Source,
    SqlFunction,
    Subscription,
    Table,
    View,
)
from pgstream.engine.commenting import renamed_column
from pgstream.engine.draft import Draft, require_free
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.errors import DuplicateObject
from pgstream.sql.bind.statements import Rename, RenameColumn, RenameConstraint, SetSchema
from pgstream.sql.expression_columns import with_column_renamed
from pgstream.sql.rewording import Renaming

Texts = View | MaterializedView | Sink | Feed
"""What keeps a query as text."""


def renamed(head: Head, statement: Rename | RenameColumn | RenameConstraint | SetSchema, tag: str) -> Draft:
    """The head in which something has another name or schema. No row, node or OID changes."""
    thing = head.catalog.objects[statement.oid]
    schemas: dict[str, str] = {}
    match statement:
        case Rename(new_name=name) if isinstance(thing, Schema):
            catalog, schemas = head.catalog.put(replace(thing, name=name)), {thing.name: name}
            touched = [one for one in head.catalog.in_order() if isinstance(one, Texts)]
        case Rename(new_name=name):
            catalog = _named(head.catalog, thing, name)
            touched = _readers(head.catalog, thing)
        case RenameColumn():
            catalog = head.catalog.put(_with_column(thing, statement))
            catalog = _with_owned(catalog, head.catalog, thing, statement)
            touched = _readers(head.catalog, thing)
        case RenameConstraint():
            assert isinstance(thing, Table)
            catalog, touched = _relabelled(head.catalog, thing, statement), []
        case SetSchema():
            catalog = _moved(head.catalog, thing, statement.schema_oid)
            touched = _readers(head.catalog, thing)
    oids = {one.oid for one in touched}
    for one in sorted(touched, key=lambda one: len(one.depends & oids)):  # what one reads before itself
        renaming = Renaming(head.catalog, catalog, schemas)
        query = renaming.reworded(one.query, one.search_path) if one.query else ""
        path = renaming.path(one.search_path)
        if (query, path) != (one.query, one.search_path):
            now = catalog.objects[one.oid]
            assert isinstance(now, Texts)
            catalog = catalog.put(replace(now, query=query, search_path=path))
    return Draft(replace(head, catalog=catalog), Outcome(tag))


def _readers(catalog: Catalog, thing: CatalogObject) -> list[Texts]:
    """What may name `thing` in its text."""
    found = [*catalog.dependents(thing.oid), *catalog.belonging(thing.oid)]
    return [one for one in found if isinstance(one, Texts)]


def _named(catalog: Catalog, thing: CatalogObject, name: str) -> Catalog:
    """The catalog in which `thing`, and what is named after it, has that name."""
    if isinstance(thing, Schema):
        return catalog.put(replace(thing, name=name))
    if isinstance(thing, SqlFunction):
        types = thing.name.partition("(")[2]
        return catalog.put(replace(thing, name=f"{name}({types}", routine=name))
    require_free(catalog, thing.schema_oid, name)
    made = replace(thing, name=name)
    catalog = catalog.put(made)
    if isinstance(thing, Index) and thing.primary:
        table = catalog.indexed(thing)
        assert isinstance(table, Table)
        assert table.primary_key is not None
        catalog = catalog.put(replace(table, primary_key=replace(table.primary_key, name=name)))
    if isinstance(made, Source):
        for part in catalog.belonging(made.oid):
            late = isinstance(part, Table) and part.late
            owed = made.late_name if late else made.errors_name
            catalog = catalog if part.name == owed else _named(catalog, part, owed)
    return catalog


def _moved(catalog: Catalog, thing: CatalogObject, schema_oid: int) -> Catalog:
    """The catalog in which `thing`, with its parts, is in that schema."""
    assert not isinstance(thing, Schema)
    if thing.schema_oid == schema_oid:
        return catalog
    for one in (thing, *catalog.belonging(thing.oid)):
        assert not isinstance(one, Schema | Subscription)
        require_free(catalog, schema_oid, one.name)
        catalog = catalog.put(replace(one, schema_oid=schema_oid))
    return catalog


def _with_column(thing: CatalogObject, statement: RenameColumn) -> CatalogObject:
    """`thing` with a column that has another name."""
    assert isinstance(thing, Table | View | MaterializedView)
    columns = list(thing.columns)
    old = columns[statement.position].name
    columns[statement.position] = replace(columns[statement.position], name=statement.new_name)
    made = replace(thing, columns=tuple(columns))
    if isinstance(made, Table):
        made = _with_rules(made, old, statement.new_name)
    if isinstance(made, Table) and made.watermark is not None and made.watermark.expression:
        said = with_column_renamed(made.watermark.expression, old, statement.new_name)
        made = replace(made, watermark=replace(made.watermark, expression=said))
    return made


def _with_owned(catalog: Catalog, before: Catalog, thing: CatalogObject, statement: RenameColumn) -> Catalog:
    """The catalog in which a column's sequence goes with it under its new name."""
    assert isinstance(thing, Table | View | MaterializedView)
    old = thing.columns[statement.position].name
    catalog = renamed_column(catalog, thing.oid, old, statement.new_name)
    for part in before.belonging(thing.oid):
        if isinstance(part, Sequence) and part.column == old:
            catalog = catalog.put(replace(part, column=statement.new_name))
    return catalog


def _with_rules(table: Table, old: str, new: str) -> Table:
    """`table`, whose rules call a column by its new name."""

    def said(text: str) -> str:
        return with_column_renamed(text, old, new)

    checks = tuple(
        replace(
            check,
            expression=said(check.expression),
            columns=tuple(new if name == old else name for name in check.columns),
        )
        for check in table.checks
    )
    columns = tuple(
        column if column.generated is None else replace(column, generated=said(column.generated))
        for column in table.columns
    )
    return replace(table, checks=checks, columns=columns)


def _relabelled(catalog: Catalog, table: Table, statement: RenameConstraint) -> Catalog:
    """The catalog in which a CHECK constraint or a foreign key has another name."""
    for part in catalog.belonging(table.oid):
        if isinstance(part, ForeignKey) and part.label == statement.old_name:
            name = f"{statement.new_name} on {table.oid}"
            return catalog.put(replace(part, label=statement.new_name, name=name))
    return catalog.put(_with_constraint(table, statement))


def _with_constraint(table: Table, statement: RenameConstraint) -> Table:
    """`table` with a CHECK constraint that has another name."""
    old, new = statement.old_name, statement.new_name
    if any(check.name == new for check in table.checks):
        raise DuplicateObject(f'constraint "{new}" for relation "{table.name}" already exists')
    return replace(table, checks=tuple(replace(c, name=new) if c.name == old else c for c in table.checks))
