"""What a SQL type is: one value that holds all that pgstream knows of it.

A type is declared once, in its own file of this folder, as a `TypeDefinition` handed to `declare`. No other place
asks which type it has before it: whole columns go in and out through the functions of the definition.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import UndefinedObject

Settings = Mapping[str, str]
"""Session settings by lower-case name; text output reads timezone, datestyle, intervalstyle, bytea_output, …"""


@dataclass(frozen=True, slots=True, eq=False)
class TypeDefinition:
    """A row of pg_type with its codecs. Codecs take and give whole columns of `storage`; NULL in, NULL out.

    parse(text, typmod)     Arrow string -> storage. Raises InvalidTextRepresentation and its kin, as PostgreSQL's
                            input function does, with PostgreSQL's message.
    format(column, settings) storage -> Arrow string, as PostgreSQL's output function prints it.
    receive(column, typmod), send(column)
                            the binary wire format: Arrow binary <-> storage.
    order_key(column)       storage -> Arrow binary without NULLs in the input, memcmp-ordered and prefix-free, so
                            that byte order is SQL order and keys can be concatenated.
    equality_key(column)    storage -> storage with one representative for what SQL calls equal (1.0 and 1.00);
                            None where the representation is unique already.
    to_python(plain), from_python(value)
                            one value: the form that row-wise functions see (see each type's file). `plain` is an Arrow
                            scalar, or what `types.values.plain_values` lists: its as_py(), but an int for dates and
                            times; from_python gives what `pa.array([...], storage)` takes. Whole columns go through
                            `types.values.values_of(type, column)` and `column_of(type, values)`.
    parse_at(text, typmod, settings, now_us)
                            parse for the types whose input depends on the session's zone or clock ('today'); None for
                            the others. `types.values.parse_text` chooses.
    apply_typmod(column, typmod, explicit)
                            length coercion, such as varchar(n) and numeric(p,s); None where the type has no typmod.
                            `explicit` casts truncate where assignments raise.
    """

    name: str
    sql_name: str
    oid: int
    array_oid: int
    category: str
    storage: pa.DataType
    length: int
    parse: Callable[[Column, int], Column]
    format: Callable[[Column, Settings], Column]
    receive: Callable[[Column, int], Column]
    send: Callable[[Column], Column]
    order_key: Callable[[Column], Column] | None
    to_python: Callable[[Any], Any]
    from_python: Callable[[Any], Any]
    equality_key: Callable[[Column], Column] | None = None
    apply_typmod: Callable[[Column, int, bool], Column] | None = None
    typmod_in: Callable[[tuple[int, ...]], int] | None = None
    typmod_out: Callable[[int], str] | None = None
    parse_at: Callable[[Column, int, Settings, int], Column] | None = None
    preferred: bool = False
    by_value: bool = False
    align: str = "i"
    toast: str = "p"
    collation: int = 0
    pseudo: bool = False
    element: str | None = None
    """What subscripting gives: set for arrays, int2vector and oidvector."""
    lower_bound: int = 1
    """The index of an array's first element: 0 for int2vector and oidvector."""
    told_oid: int = 0
    """The OID by which clients are told of columns of this type, where it is not its own."""
    attributes: "tuple[tuple[str, SqlType], ...] | None" = None
    """The fields of a composite type, by name; its storage is a struct of theirs. None for all other types."""
    identity: str = ""
    """What of `name` computations and stored rows depend on, where that is not all of it."""
    entries: "tuple[tuple[str, SqlType], ...]" = ()
    """What a map's keys and values are. Empty for all other types."""
    under: "SqlType | None" = None
    """What a domain is over. None for all other types."""
    asks: tuple[tuple[str, str], ...] = ()
    """The constraints of a domain, by name: see `types/domain.py`."""
    aliases: tuple[str, ...] = ()
    samples: tuple[str, ...] = field(default=())
    """Texts that are valid input, edge values first: every codec test runs over them."""


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type as a column has it: the definition's name, and the type modifier (-1: none)."""

    name: str
    typmod: int = -1

    @property
    def definition(self) -> TypeDefinition:
        return BY_NAME[self.name]

    @property
    def oid(self) -> int:
        return BY_NAME[self.name].oid

    @property
    def storage(self) -> pa.DataType:
        return BY_NAME[self.name].storage

    @property
    def element(self) -> "SqlType | None":
        """The type of an array's elements; None where this is no array."""
        name = BY_NAME[self.name].element
        return None if name is None else SqlType(name, self.typmod)

    def bare(self) -> "SqlType":
        """This type without its modifier."""
        return self if self.typmod == -1 else SqlType(self.name)

    def __str__(self) -> str:
        """As `format_type` prints it: `character varying(20)`, `bigint[]`."""
        definition = BY_NAME[self.name]
        if definition.element is not None and definition.name.startswith("_"):
            return f"{SqlType(definition.element, self.typmod)}[]"
        if self.typmod == -1 or definition.typmod_out is None:
            return definition.sql_name
        suffix = definition.typmod_out(self.typmod)
        head, with_, tail = definition.sql_name.partition(" with")
        return f"{head}{suffix}{with_}{tail}"


class Definitions(dict[str, TypeDefinition]):
    """Types by name. One that is made of others is described by its name, and is found without being listed."""

    def __missing__(self, name: str) -> TypeDefinition:
        found = DESCRIBED.get(name)
        if found is not None:
            return found
        if not is_description(name):
            raise KeyError(name)
        if name.startswith("_"):
            made = ARRAYS[0](self[name[1:]])
        else:
            kind, *parts = json.loads(name)
            made = MADE_OF[kind](name, *parts)
        DESCRIBED[name] = made
        return made

    def get(self, name: str, default: Any = None) -> Any:
        """As of any mapping; a description is known."""
        return self[name] if name in self or is_description(name) else default


def is_description(name: str) -> bool:
    """Whether a type's name describes it: as a JSON list, after `_` for the array of that."""
    return name.startswith(("[", "_["))


BY_NAME = Definitions()
"""Every declared type by pg_type.typname (`int8`, `_int8`, `timestamptz`); what a name describes is found too."""

DESCRIBED: dict[str, TypeDefinition] = {}
"""The types that were asked for by their description."""

MADE_OF: dict[str, Callable[..., TypeDefinition]] = {}
"""What defines a type by its description, by the word that the description begins with."""

ARRAYS: list[Callable[[TypeDefinition], TypeDefinition]] = []
"""What defines the array over a described type."""

BY_OID: dict[int, TypeDefinition] = {}

BY_ALIAS: dict[str, str] = {}
"""Lower-case spellings that SQL accepts beside the typname (`bigint`), to the typname."""


def declare(definition: TypeDefinition) -> SqlType:
    """Registers `definition`; returns the type without modifier."""
    assert definition.name not in BY_NAME, definition.name
    assert definition.oid not in BY_OID, definition.oid
    BY_NAME[definition.name] = definition
    BY_OID[definition.oid] = definition
    BY_ALIAS[definition.sql_name] = definition.name
    for alias in definition.aliases:
        BY_ALIAS[alias] = definition.name
    return SqlType(definition.name)


def type_named(name: str) -> SqlType:
    """The type SQL calls `name`: a typname or an alias. Raises UndefinedObject."""
    found = name if name in BY_NAME or is_description(name) else BY_ALIAS.get(name)
    if found is None:
        raise UndefinedObject(f'type "{name}" does not exist')
    return SqlType(found)


def array_of(element: SqlType) -> SqlType:
    """The array type over `element`. Raises KeyError where there is none."""
    if is_description(element.name):
        if element.name.startswith("_"):
            raise KeyError(element.name)
        return SqlType(f"_{element.name}", element.typmod)
    return SqlType(BY_OID[element.definition.array_oid].name, element.typmod)
