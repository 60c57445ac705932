"""What a table's definition can say beside its columns, and what columns are computed by: constraints, sequences,
functions. See `objects.py`."""

from dataclasses import dataclass

from pgstream.catalog.type_objects import TableColumn
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK constraint: `expression` is SQL text over the table's columns, of which it names `columns`. One that is
    not `validated` was added without a look at the rows that were there. `oid` is 0 until the constraint is made."""

    oid: int
    name: str
    expression: str
    columns: tuple[str, ...]
    validated: bool = True
    no_inherit: bool = False


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a function: `mode` is `i` for an argument and `t` or `o` for a column of its result. `default` is
    SQL text."""

    name: str
    type: SqlType
    mode: str = "i"
    default: str | None = None


@dataclass(frozen=True, slots=True)
class SqlFunction:
    """A function whose `body` is SQL, which stands in the place of its calls.

    `name` is what messages call it, `f(integer,text)`, and `routine` what calls do. `returns` is written as in CREATE
    FUNCTION where that is the row of a table; `atomic`: the body is no string but RETURN … or BEGIN ATOMIC … END.
    """

    oid: int
    schema_oid: int
    name: str
    routine: str
    arguments: tuple[Argument, ...]
    type: SqlType
    body: str
    search_path: tuple[str, ...]
    returns_set: bool = False
    returns: str = ""
    columns: tuple[Argument, ...] = ()
    atomic: bool = False
    volatility: str = "v"
    strict: bool = False
    parallel: str = "u"
    cost: float = 100.0
    rows: float = 0.0
    leakproof: bool = False
    definer: bool = False
    depends: frozenset[int] = frozenset()

    @property
    def inputs(self) -> tuple[Argument, ...]:
        """What a call gives."""
        return tuple(each for each in self.arguments if each.mode in "ibv")

    @property
    def result(self) -> str:
        """The name of the type of its value."""
        return self.type.name


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence of numbers of a `type`. Where it stands is known by its `node`, which begins at `initial`; RESTART
    gives it another one. `owner` is the OID of the table with whose `column` it goes; as `identity` it numbers that.
    """

    oid: int
    schema_oid: int
    name: str
    type: SqlType
    node: int
    initial: int
    start: int = 1
    increment: int = 1
    minimum: int = 1
    maximum: int = 2**63 - 1
    cache: int = 1
    cycle: bool = False
    owner: int = 0
    column: str = ""
    identity: bool = False
    depends: frozenset[int] = frozenset()

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """Those of the one row that it is read as."""
        return (
            TableColumn("last_value", SqlType("int8"), True),
            TableColumn("log_cnt", SqlType("int8"), True),
            TableColumn("is_called", SqlType("bool"), True),
        )


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A constraint of the table `relation_oid`: what its `columns` hold is a key that a row of the table `target_oid`
    has in `target_columns`. Constraints are named per table: this is called `label`, and `name` tells it from others.

    Actions are `a` (NO ACTION), `r` (RESTRICT), `c` (CASCADE), `n` (SET NULL) and `d` (SET DEFAULT), the last two of
    `set_columns` where there are any; `match` is `s` (SIMPLE) or `f` (FULL). One that is `deferred` waits for COMMIT.
    """

    oid: int
    schema_oid: int
    name: str
    label: str
    relation_oid: int
    columns: tuple[int, ...]
    target_oid: int
    target_columns: tuple[int, ...]
    on_update: str = "a"
    on_delete: str = "a"
    match: str = "s"
    deferrable: bool = False
    deferred: bool = False
    validated: bool = True
    set_columns: tuple[int, ...] = ()

    @property
    def depends(self) -> frozenset[int]:
        return frozenset({self.target_oid})


@dataclass(frozen=True, slots=True)
class Comment:
    """What COMMENT ON says of an object of the system catalog `class_oid`, or of one of its columns. It goes with the
    object `whole_oid`, which that is or belongs to."""

    oid: int
    schema_oid: int
    name: str
    object_oid: int
    whole_oid: int
    class_oid: int
    text: str
    column: str = ""
    depends: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class DomainType:
    """What CREATE DOMAIN declares. The one of `columns` is its VALUE: what it is over, NOT NULL and DEFAULT. `checks`
    are over that.

    `oid + 1` is the OID of the type, `oid + 2` that of the array over it.
    """

    oid: int
    schema_oid: int
    name: str
    columns: tuple[TableColumn, ...]
    checks: tuple[Check, ...] = ()

    @property
    def depends(self) -> frozenset[int]:
        return frozenset()
