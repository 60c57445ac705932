"""Texts of queries and defaults, said again where a type, or an attribute of one, has another name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.objects import TableColumn, UserType
from pgstream.errors import SqlError
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.parse import ast, parse, tokens
from pgstream.types.described import described_oids


@dataclass(frozen=True, slots=True)
class Retyping:
    """A type with other names: `oid` is its OID in the catalogs `before` and `after`, `renamed` what attributes were
    called and are."""

    before: Catalog
    after: Catalog
    oid: int
    renamed: Sequence[tuple[str, str]] = ()
    label: tuple[str, str] | None = None
    """What a label of an enum was called, and is."""

    def reworded(self, text: str, search_path: Sequence[str]) -> str:
        """The text of a query under the new names."""
        made = self._with_type(text, search_path)
        for old, new in self.renamed:
            if not self._binds(made, search_path):
                made = _with_fields(made, old, new)
        return self._with_label(made, search_path)

    def column(self, column: TableColumn) -> TableColumn:
        """A column whose default and generating expression are said under the new names."""
        default = self._said(column.default)
        if default is not None and self.label is not None and self.oid + 1 in described_oids(column.type):
            default = self._with_label(f"SELECT ({default})::{column.type}", ("public",))
            default = default.removeprefix("SELECT (").removesuffix(f")::{column.type}")
        return replace(column, default=default, generated=self._said(column.generated))

    def _said(self, text: str | None) -> str | None:
        """An expression under the new names."""
        return None if text is None else self._with_type(f"SELECT {text}", ("public",)).removeprefix("SELECT ")

    def _with_label(self, text: str, search_path: Sequence[str]) -> str:
        """`text` with the label's new name where a literal is no label any more."""
        while self.label is not None:
            try:
                bind(parse(text)[0], self.after, BindScope(tuple(search_path)))
            except SqlError as error:
                at = error.position or 0
                old = literal(self.label[0])
                if not (error.message.startswith("invalid input value for enum") and text.startswith(old, at)):
                    break
                text = text[:at] + literal(self.label[1]) + text[at + len(old) :]
            else:
                break
        return text

    def _binds(self, text: str, search_path: Sequence[str]) -> bool:
        try:
            bind(parse(text)[0], self.after, BindScope(tuple(search_path)))
        except SqlError:
            return False
        return True

    def _with_type(self, text: str, search_path: Sequence[str]) -> str:
        """`text` with the type's new name wherever it is named."""
        old, new = self.before.objects[self.oid], self.after.objects[self.oid]
        assert isinstance(old, UserType)
        assert isinstance(new, UserType)
        if (old.name, old.schema_oid) == (new.name, new.schema_oid) or old.name not in text:
            return text
        found = self.after.typed(None, new.name, search_path)
        said = quoted(new.name)
        if found is None or found.oid != new.oid:
            said = f"{quoted(self.after.schema_name(new.schema_oid))}.{said}"
        edits = []
        scanned = tokens(text)
        for node in _type_names(parse(text)[0].node):
            names = [part.sval for part in node.names]
            schema = names[-2] if len(names) > 1 else None
            meant = self.before.typed(schema, names[-1], search_path)
            if meant is None or meant.oid != self.oid:
                continue
            at = next(i for i, token in enumerate(scanned) if token.start >= node.location)
            edits.append((scanned[at].start, scanned[at + 2 * len(names) - 2].end))
        for start, end in sorted(edits, reverse=True):
            text = text[:start] + said + text[end:]
        return text


def literal(text: str) -> str:
    """A string as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _with_fields(text: str, old: str, new: str) -> str:
    """`text` with `.new` in place of each `.old`."""
    scanned = tokens(text)
    for dot, name in reversed(list(pairwise(scanned))):
        word = text[name.start : name.end]
        if text[dot.start : dot.end] == "." and (word.lower() == old or word == quoted(old)):
            text = text[: name.start] + quoted(new) + text[name.end :]
    return text


def _type_names(node: object) -> Iterator["ast.TypeName"]:
    if isinstance(node, tuple):
        for part in node:
            yield from _type_names(part)
    elif isinstance(node, ast.Node):
        if isinstance(node, ast.TypeName):
            yield node
        for slot in node:
            yield from _type_names(getattr(node, slot))
