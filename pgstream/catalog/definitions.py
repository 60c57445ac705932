"""Objects as the SQL that makes them, in the shapes that clients parse (`pg_get_indexdef` and its kin)."""

import re

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Check, ForeignKey, Index, MaterializedView, Relation, Table, View
from pgstream.functions.keywords import needs_quotes

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")


def quoted(name: str) -> str:
    """`name` as an identifier in SQL, in quotes only where it needs them."""
    if _PLAIN.match(name) and not needs_quotes(name):
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(catalog: Catalog, thing: Relation | Index) -> str:
    """`schema.name`, each quoted where needed."""
    return f"{quoted(catalog.schema_name(thing.schema_oid))}.{quoted(thing.name)}"


def view_definition(view: View | MaterializedView) -> str:
    """The view's query as it was written, ending in a semicolon."""
    return f" {view.query.strip().rstrip(';')};"


def index_definition(catalog: Catalog, index: Index, column: int = 0) -> str:
    """`CREATE [UNIQUE] INDEX n ON s.t USING btree (…)`, or only its 1-based `column`."""
    relation = catalog.indexed(index)
    keys = []
    for key in index.columns:
        order = " DESC" if key.descending else ""
        if key.nulls_first != key.descending:
            order += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
        keys.append(quoted(relation.columns[key.position].name) + order)
    if column:
        return keys[column - 1].split(" ")[0] if column <= len(keys) else ""
    unique = "UNIQUE " if index.unique else ""
    return (
        f"CREATE {unique}INDEX {quoted(index.name)} ON {qualified(catalog, relation)} USING btree ({', '.join(keys)})"
    )


def constraint_oid(catalog: Catalog, index: Index) -> int:
    """The OID of the constraint that `index` serves; 0 where it serves none."""
    table = catalog.indexed(index)
    if index.primary and isinstance(table, Table) and table.primary_key is not None:
        return table.primary_key.oid
    return index.constraint_oid


def constraint_definition(catalog: Catalog, index: Index) -> str:
    """`PRIMARY KEY (a, b)` or `UNIQUE (a)`, of the constraint that `index` serves."""
    columns = catalog.indexed(index).columns
    names = ", ".join(quoted(columns[key.position].name) for key in index.columns)
    return f"{'PRIMARY KEY' if index.primary else 'UNIQUE'} ({names})"


def check_definition(check: Check) -> str:
    """`CHECK (…)`, as ALTER TABLE … ADD takes it."""
    return f"CHECK ({check.expression}){' NO INHERIT' * check.no_inherit}{' NOT VALID' * (not check.validated)}"


def closing(text: str, start: int) -> int:
    """Where the parenthesis at `start` is closed."""
    depth, quoted_by = 0, ""
    for place in range(start, len(text)):
        letter = text[place]
        if quoted_by:
            quoted_by = "" if letter == quoted_by else quoted_by
        elif letter in "'\"":
            quoted_by = letter
        else:
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if not depth:
                return place
    return len(text)


def unwrapped(expression: str) -> str:
    """An expression without the parentheses around the whole of it."""
    if expression.startswith("(") and closing(expression, 0) == len(expression) - 1:
        return expression[1:-1]
    return expression


_ACTIONS = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


def foreign_key_definition(catalog: Catalog, key: ForeignKey, target: str) -> str:
    """`FOREIGN KEY (a) REFERENCES t(b) …`, as ALTER TABLE … ADD takes it; `target` is what the table is called."""
    own, other = catalog.objects[key.relation_oid], catalog.objects[key.target_oid]
    assert isinstance(own, Table)
    assert isinstance(other, Table)

    def listed(table: Table, places: tuple[int, ...]) -> str:
        return ", ".join(quoted(table.columns[place].name) for place in places)

    text = f"FOREIGN KEY ({listed(own, key.columns)}) REFERENCES {target}({listed(other, key.target_columns)})"
    text += " MATCH FULL" * (key.match == "f")
    if key.on_update in _ACTIONS:
        text += f" ON UPDATE {_ACTIONS[key.on_update]}"
    if key.on_delete in _ACTIONS:
        text += f" ON DELETE {_ACTIONS[key.on_delete]}"
    if key.set_columns:
        text += f" ({listed(own, key.set_columns)})"
    text += " DEFERRABLE" * key.deferrable + " INITIALLY DEFERRED" * key.deferred
    return text + " NOT VALID" * (not key.validated)
