"""Queries kept as text, said again after what they read was renamed.

PostgreSQL keeps a view as a tree of OIDs, so that a rename changes what it prints and not what it means. Here the text
is kept: each relation that it names is named anew, under the names by which the rest of the query knows it and its
columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.objects import Relation, Table
from pgstream.errors import FeatureNotSupported, SqlError
from pgstream.plan.relations import Relation as Plan
from pgstream.plan.rewrite import used
from pgstream.sql.bind import BindScope
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import bind_statement
from pgstream.sql.parse import parse, tokens
from pgstream.sql.streaming import Token
from pgstream.types.definition import SqlType

Node = Any


@dataclass(frozen=True, slots=True)
class Renaming:
    """Two catalogs, between which relations, columns or schemas got other names. `paths` has the new names of
    schemas by their old ones."""

    before: Catalog
    after: Catalog
    schemas: Mapping[str, str]

    def path(self, search_path: Sequence[str]) -> tuple[str, ...]:
        """A search path, of the schemas as they are called now."""
        return tuple(self.schemas.get(name, name) for name in search_path)

    def reworded(self, text: str, search_path: tuple[str, ...]) -> str:
        """The query or INSERT `text`, which means under the new names what it meant under the old."""
        binding, outputs = bound_text(self.before, text, search_path)
        for aliased in (True, False):
            made = self._edited(text, search_path, binding.named, aliased)
            try:
                if bound_text(self.after, made, self.path(search_path))[1] == outputs:
                    return made
            except SqlError:
                continue
        raise FeatureNotSupported("cannot rename what a query that is kept reads in this way", detail=text)

    def _edited(self, text: str, path: tuple[str, ...], named: Sequence[tuple[int, Node]], aliased: bool) -> str:
        edits: list[tuple[int, int, str]] = []
        for oid, node in named:
            old, new = self.before.objects[oid], self.after.objects[oid]
            edits += self._edits(text, path, node, old, new, aliased)  # type: ignore[arg-type]
        for start, end, said in sorted(set(edits), reverse=True):
            text = text[:start] + said + text[end:]
        return text

    def _edits(
        self, text: str, path: tuple[str, ...], node: Node, old: Relation, new: Relation, aliased: bool
    ) -> Iterator[tuple[int, int, str]]:
        """What to say in place of the name at `node`, and of its schema before its columns."""
        scanned = [token for token in tokens(text) if token.start >= node.location]
        name_end = scanned[2 * _parts(node) - 2].end
        said = self._name(node, path, new)
        names = [column.name for column in old.columns]
        given = [part.sval for part in node.alias.colnames or ()] if node.alias else []
        kept = [*given, *names[len(given) :]]
        list_needed = aliased and [*given, *(c.name for c in new.columns[len(given) :])] != kept
        columns = f"({', '.join(quoted(name) for name in kept)})" if list_needed else ""
        if node.alias is None:
            renamed = said != text[node.location : name_end] or columns
            if renamed and aliased and (new.name != old.name or _parts(node) > 1 or columns):
                said += f" AS {quoted(old.name)}{columns}"
                yield from _bare_columns(text, old.name, node.schemaname)
        elif columns:
            name = node.alias.aliasname
            alias = next(token for token in scanned[2 * _parts(node) - 1 :] if _is_name(text, token, name))
            yield alias.end, _list_end(text, alias.end, bool(given)), columns
        if said != text[node.location : name_end]:
            yield node.location, name_end, said

    def _name(self, node: Node, path: tuple[str, ...], new: Relation) -> str:
        """How `new` is called where the text called it `node`: with its schema only if it was said or is needed."""
        schema = self.after.schema_name(new.schema_oid)
        found = self.after.lookup(None, new.name, self.path(path))
        if node.schemaname is None and found is not None and found.oid == new.oid:
            return quoted(new.name)
        return f"{quoted(schema)}.{quoted(new.name)}"


Outputs = tuple[tuple[str, SqlType], ...]


def bound_text(catalog: Catalog, text: str, search_path: tuple[str, ...]) -> tuple[Binding, Outputs]:
    """What was found out in binding the query or INSERT `text`, and its result columns."""
    (parsed,) = parse(text)
    binding = Binding(catalog, BindScope(search_path), (), parsed)
    command = bind_statement(binding, parsed)
    return binding, tuple((col.name, col.type) for col in command.columns or ())


def columns_used(catalog: Catalog, text: str, search_path: tuple[str, ...], oid: int) -> set[int]:
    """The positions of the columns of a relation that a query uses by naming that relation itself."""
    binding, plan = _planned(catalog, text, search_path)
    if all(found != oid for found, _ in binding.named):
        return set()
    cols = [*used(plan).values(), *plan.columns]
    return {col.attnum - 1 for col in cols if col.table_oid == oid}


def pinned(catalog: Catalog, text: str, search_path: tuple[str, ...], oid: int, added: set[str], gone: set[str]) -> str:
    """The query `text` before columns `added` come to a relation, and others are gone, so that it sees neither."""
    binding, _ = _planned(catalog, text, search_path)
    words = {text[token.start : token.end].strip('"').lower() for token in tokens(text)}
    if not words & added and "*" not in words and "natural" not in words:
        return text
    columns = ", ".join(quoted(name) for name in _names(catalog, oid) if name not in gone)
    places = [node for found, node in binding.named if found == oid]
    for node in sorted(places, key=lambda node: -node.location):
        scanned = [token for token in tokens(text) if token.start >= node.location]
        end = scanned[2 * _parts(node) - 2].end
        alias = "" if node.alias is not None else f" AS {quoted(node.relname)}"
        inner = f"(SELECT {columns} FROM {text[node.location : end]}){alias}"
        text = text[: node.location] + inner + text[end:]
    return text


def without_columns(catalog: Catalog, text: str, search_path: tuple[str, ...], oid: int, dropped: set[int]) -> str:
    """The query `text` before a relation loses columns that it does not use, but may count in a list of names."""
    if not dropped:
        return text
    names = _names(catalog, oid)
    binding, _ = _planned(catalog, text, search_path)
    places = [node for found, node in binding.named if found == oid and node.alias and node.alias.colnames]
    for node in sorted(places, key=lambda node: -node.location):
        scanned = [token for token in tokens(text) if token.start >= node.location]
        end = scanned[2 * _parts(node) - 2].end
        labels = [part.sval for part in node.alias.colnames]
        labels += names[len(labels) :]
        kept = [pair for i, pair in enumerate(zip(names, labels, strict=True)) if i not in dropped]
        inner = ", ".join(f"{quoted(name)} AS {quoted(label)}" for name, label in kept)
        said = f"(SELECT {inner} FROM {text[node.location : end]}) AS {quoted(node.alias.aliasname)}"
        text = text[: node.location] + said + text[_list_end(text, end, True) :]
    return text


def _names(catalog: Catalog, oid: int) -> list[str]:
    table = catalog.objects[oid]
    assert isinstance(table, Table)
    return [column.name for column in table.columns]


def _planned(catalog: Catalog, text: str, search_path: tuple[str, ...]) -> tuple[Binding, Plan]:
    (parsed,) = parse(text)
    binding = Binding(catalog, BindScope(search_path), (), parsed)
    return binding, bind_statement(binding, parsed).statement.plan


def _is_name(text: str, token: Token, name: str) -> bool:
    word = text[token.start : token.end]
    return word[1:-1].replace('""', '"') == name if word.startswith('"') else word.lower() == name


def _parts(node: Node) -> int:
    return 1 + (node.schemaname is not None) + (node.catalogname is not None)


def _list_end(text: str, start: int, given: bool) -> int:
    """Where the list of column names that follows an alias ends."""
    if not given:
        return start
    return next(token.end for token in tokens(text) if token.start >= start and token.name == "ASCII_41")


def _bare_columns(text: str, table: str, schema: str | None) -> Iterator[tuple[int, int, str]]:
    """Takes the schema away from `schema.table.column`, which an alias hides."""
    scanned = tokens(text)
    for first, dot, second, after in zip(scanned, scanned[1:], scanned[2:], scanned[3:], strict=False):
        words = (text[first.start : first.end], text[second.start : second.end])
        if dot.name == after.name == "ASCII_46" and words == (quoted(schema or "public"), quoted(table)):
            yield first.start, second.start, ""
