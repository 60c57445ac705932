"""What objects are called: the texts of the reg* types, as a session's search path has it.

`Names.text` is the output of regclass and its kin, `Names.oid` their input. Casts at run time come here through
`functions.casts.NAMES_OUT` and `NAMES_IN`, results on their way to a client through `NamedSettings`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import pyarrow as pa

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.identifiers import split_identifiers
from pgstream.catalog.objects import Schema, SqlFunction
from pgstream.catalog.pg_server import collation_oids, role_oids, session_of
from pgstream.catalog.routine_names import operator_name, operator_oid, procedure_name, procedure_oid
from pgstream.catalog.system import SystemRelation, relations_by_oid
from pgstream.catalog.type_names import type_oid_of, type_text
from pgstream.catalog.user_functions import user_function
from pgstream.delta import Column
from pgstream.errors import (
    AmbiguousFunction,
    FeatureNotSupported,
    InvalidName,
    InvalidSchemaName,
    SyntaxError42601,
    UndefinedObject,
    UndefinedTable,
)
from pgstream.functions.casts import NAMES_IN, NAMES_OUT
from pgstream.functions.casts_of_catalog import REGISTERED
from pgstream.functions.registry import EvalContext
from pgstream.types.definition import BY_NAME, SqlType
from pgstream.types.lift import over_distinct

_RELATION = re.compile(r"'(\d+)'::regclass")


def search_path(context: EvalContext) -> tuple[str, ...]:
    """The schemas that the context's session searches, in order, without those that do not exist."""
    names = [part.strip().strip('"') for part in context.settings.get("search_path", '"$user", public').split(",")]
    user = session_of(context).user
    resolved = [user if name == "$user" else name for name in names]
    return tuple(name for name in resolved if name in cast(Catalog, context.catalog).schema_oids)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a catalog's objects to a session of `user` in `database` that searches the schemas of `path`."""

    catalog: Catalog
    path: tuple[str, ...]
    user: str
    database: str = ""

    @staticmethod
    def of(context: EvalContext) -> "Names":
        session = session_of(context)
        return Names(cast(Catalog, context.catalog), search_path(context), session.user, session.database)

    def text(self, kind: str, oid: int) -> str | None:
        """What the reg* type `kind` prints for `oid`; None where there is no such object."""
        match kind:
            case "regclass":
                return self.relation(oid)
            case "regtype":
                return type_text(self.catalog, self.path, oid)
            case "regproc" | "regprocedure":
                mine = user_function(self.catalog, oid)
                if mine is not None:
                    return self._function(mine, kind == "regprocedure")
                return procedure_name(oid, arguments=kind == "regprocedure")
            case "regoper" | "regoperator":
                return operator_name(oid, arguments=kind == "regoperator")
            case "regnamespace":
                thing = self.catalog.objects.get(oid)
                return quoted(thing.name) if isinstance(thing, Schema) else None
            case "regrole":
                return next((quoted(name) for name, known in role_oids(self.user).items() if known == oid), None)
            case "regcollation":
                return next((quoted(name) for name, known in collation_oids().items() if known == oid), None)
        return None

    def _function(self, function: SqlFunction, arguments: bool) -> str:
        """A function's name, with its schema where the search path does not find it, or finds another one."""
        schema = self.catalog.schema_name(function.schema_oid)
        found = [each for each in self.path if self.catalog.functions(each, function.routine)]
        alone = len(self.catalog.functions(schema, function.routine)) == 1 or arguments
        name = quoted(function.routine)
        if not alone or found[:1] != [schema]:
            name = f"{quoted(schema)}.{name}"
        return f"{name}({','.join(str(each.type) for each in function.inputs)})" if arguments else name

    def _procedure(self, parts: list[str], arguments: tuple[int, ...] | None, text: str) -> int:
        """The OID of a function, of these argument types if given."""
        path = (parts[-2],) if len(parts) > 1 else self.path
        found = [each for schema in path for each in self.catalog.functions(schema, parts[-1])]
        if arguments is not None:
            found = [each for each in found if tuple(one.type.definition.oid for one in each.inputs) == arguments]
        if not found:
            return procedure_oid(parts, arguments, text)
        if len(found) > 1:
            raise AmbiguousFunction(f'more than one function named "{text}"')
        return found[0].oid

    def spelled(self, expression: str) -> str:
        """A stored expression, whose relations are called by their names."""

        def named(found: re.Match[str]) -> str:
            name = self.relation(int(found[1]))
            return found[0] if name is None else "'" + name.replace("'", "''") + "'::regclass"

        return _RELATION.sub(named, expression)

    def relation(self, oid: int) -> str | None:
        """A relation's or index's name, with its schema where the search path does not find it."""
        thing = self.catalog.objects.get(oid) or relations_by_oid().get(oid)
        if thing is None or isinstance(thing, Schema):
            return None
        if self.visible(thing):
            return quoted(thing.name)
        return f"{quoted(self.catalog.schema_name(thing.schema_oid))}.{quoted(thing.name)}"

    def visible(self, thing: object) -> bool:
        """Whether an unqualified name finds this relation or index."""
        name, oid = cast(SystemRelation, thing).name, cast(SystemRelation, thing).oid
        found = self.catalog.lookup(None, name, self.path)
        return found is not None and found.oid == oid

    def oid(self, kind: str, text: str) -> int:
        """The OID of the object that `text` names or numbers. Raises UndefinedTable and its kin."""
        if text == "-":
            return 0
        if text.isascii() and text.isdigit():
            return int(text)
        match kind:
            case "regtype":
                return type_oid_of(self.catalog, self.path, text)
            case "regprocedure" | "regoperator":
                return self._signature(kind, text)
        parts = split_identifiers(text)
        match kind:
            case "regclass":
                return self._relation_oid(parts, text)
            case "regproc":
                return self._procedure(parts, None, text)
            case "regoper":
                return operator_oid(parts, None, text)
            case "regcollation":
                return _named(collation_oids(), parts, 'collation "{}" for encoding "UTF8" does not exist')
        if len(parts) > 1:
            raise InvalidName("invalid name syntax")
        if kind == "regnamespace":
            return self.catalog.schema(parts[0]).oid
        if kind == "regrole":
            return _named(role_oids(self.user), parts, 'role "{}" does not exist')
        raise FeatureNotSupported(f"there is no {text} of type {kind}")

    def _relation_oid(self, parts: list[str], text: str) -> int:
        if len(parts) > 3:
            raise SyntaxError42601(f"improper relation name (too many dotted names): {text}")
        if len(parts) == 3 and parts[0] != self.database:
            raise FeatureNotSupported(f'cross-database references are not implemented: "{text}"')
        schema = parts[-2] if len(parts) > 1 else None
        found = self.catalog.lookup(schema, parts[-1], self.path)
        if found is not None:
            return found.oid
        if schema is not None and schema not in self.catalog.schema_oids:
            raise InvalidSchemaName(f'schema "{schema}" does not exist')
        raise UndefinedTable(f'relation "{".".join(parts)}" does not exist')

    def _signature(self, kind: str, text: str) -> int:
        head, bracket, rest = text.partition("(")
        if not bracket:
            raise SyntaxError42601("expected a left parenthesis")
        if not rest.rstrip().endswith(")"):
            raise SyntaxError42601("expected a right parenthesis")
        listed = [part.strip() for part in rest.rstrip()[:-1].split(",")]
        names = [part for part in listed if part]
        types = tuple(0 if name.upper() == "NONE" else type_oid_of(self.catalog, self.path, name) for name in names)
        if kind == "regprocedure":
            return self._procedure(split_identifiers(head), types, text)
        return operator_oid(head.strip().rsplit(".", 1), types, text)


def _named(known: Mapping[str, int], parts: list[str], message: str) -> int:
    if len(parts) > 1 and parts[0] != "pg_catalog":
        raise InvalidName("invalid name syntax")
    found = known.get(parts[-1])
    if found is None:
        raise UndefinedObject(message.format(parts[-1]))
    return found


def prints_names(type: SqlType) -> bool:
    """Whether values of this type, or an array's elements, are OIDs that are shown as names."""
    return type.name in REGISTERED or (type.element is not None and type.element.name in REGISTERED)


class NamedSettings(dict[str, str]):
    """Settings that also know what objects are called, for `format` of the reg* types."""

    def __init__(self, context: EvalContext) -> None:
        super().__init__(context.settings)
        self._names = Names.of(context)

    def name_of(self, type_name: str, oid: int) -> str | None:
        """See `types.oid.NamingSettings`."""
        return self._names.text(type_name, oid)


def _declare(kind: str) -> None:
    def names_out(column: Column, context: EvalContext) -> Column:
        if context.catalog is None:
            return BY_NAME[kind].format(column, context.settings)
        return BY_NAME[kind].format(column, NamedSettings(context))

    def names_in(column: Column, context: EvalContext) -> Column:
        if context.catalog is None:
            return BY_NAME[kind].parse(column, -1)
        names = Names.of(context)
        return over_distinct(column, pa.int64(), lambda text: names.oid(kind, text))

    NAMES_OUT[kind] = names_out
    NAMES_IN[kind] = names_in


for _kind in REGISTERED:
    if _kind not in ("regconfig", "regdictionary"):
        _declare(_kind)
