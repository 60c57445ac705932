"""What is known while one statement is bound: the catalog it sees, its parameters, and where its parts stand.

Expressions are frozen and carry no positions, so `Binding` remembers for each expression object that was made of an
AST node where that node stands. Positions follow the object, not its value: two references to one column are equal
and stand in different places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pgstream.catalog.catalog import Catalog
from pgstream.delta import Column
from pgstream.errors import IndeterminateDatatype, UndefinedParameter
from pgstream.plan.expressions import Col, Expr, Param
from pgstream.plan.rewrite import ColIds
from pgstream.sql.bind.positions import leftmost, position_of
from pgstream.sql.parse import Parsed, ast, constant_positions
from pgstream.types.definition import SqlType

Place = Any
"""Where something stands: a position, an AST node, or an expression that has a place itself."""

UNKNOWN = SqlType("unknown")
TEXT = SqlType("text")
BOOL = SqlType("bool")
INT4 = SqlType("int4")
INT8 = SqlType("int8")


@dataclass(frozen=True, slots=True)
class BindScope:
    """What of a session the meaning of a statement depends on.

    `search_path` holds schema names without the implicit pg_catalog. `now_us` gives literals such as 'today' their
    value.
    """

    search_path: tuple[str, ...] = ("public",)
    settings: Mapping[str, str] = field(default_factory=dict)
    user: str = "postgres"
    database: str = "postgres"
    now_us: int = 0


@dataclass(frozen=True, slots=True)
class DatedLiteral:
    """A literal whose value may depend on the session or the clock; `value` is a column of that one value."""

    expr: Expr
    text: str
    type: SqlType
    value: Column


class Binding:
    """The state of binding one statement."""

    def __init__(
        self,
        catalog: Catalog,
        scope: BindScope,
        parameter_types: Sequence[SqlType | None] = (),
        parsed: Parsed | None = None,
    ) -> None:
        self.parsed = parsed
        self.takes_parameters = True
        self.catalog = catalog
        self.scope = scope
        self.search_path = scope.search_path
        self.ids = ColIds(1)
        self.depends: set[int] = set()
        self.dated: list[DatedLiteral] = []
        self.repeated: dict[int, tuple[int, int, int]] = {}
        """Where output columns are named by those behind them: position and length of the name, and where the text of
        what it names starts and ends."""
        self.defaults: dict[Any, Expr] = {}
        self.named: list[tuple[int, Any]] = []
        """The relations of the catalog that the text itself names in FROM, by OID, each with its AST node."""
        self.system_relations: list[tuple[str, int]] = []
        self.recursions: list[tuple[str, int]] = []
        self.volatile: list[tuple[str, int]] = []
        self.along: list[Any] = []
        """The WITH queries that change something (see `modifying.py`)."""
        self.around: Any = None
        """The level around the WITH query that is being bound, where that changes something."""
        self.ambient: list[tuple[str, int]] = []
        self._fixed = {i + 1: given for i, given in enumerate(parameter_types) if given is not None}
        self._deduced: dict[int, SqlType] = {}
        self._parameters: set[int] = set()
        self._places: dict[int, tuple[Expr, tuple[Place, ...]]] = {}
        self._constants: dict[int, int] | None = None

    def col(self, name: str, type: SqlType, table_oid: int = 0, attnum: int = 0) -> Col:
        """A new column."""
        fresh = self.ids.fresh(name, type)
        return Col(fresh.id, name, type, table_oid, attnum) if table_oid else fresh

    def located(self, expr: Expr, *places: Place) -> Expr:
        """`expr`, which from now on stands at the leftmost of `places`, unless its place is known."""
        if id(expr) not in self._places:
            self._places[id(expr)] = (expr, places)
        return expr

    def position(self, expr: Expr) -> int | None:
        """Where `expr` stands in the statement's text, if it was written there."""
        found = self._places.get(id(expr))
        return None if found is None else leftmost(self._resolved(place) for place in found[1])

    def _resolved(self, place: Place) -> int | None:
        if place is None or isinstance(place, int):
            return place
        return self.position_of(place) if isinstance(place, ast.Node) else self.position(place)

    def position_of(self, node: Any) -> int | None:
        """Where an AST node, or the first of a tuple of them, stands."""
        if self._constants is None:
            self._constants = {} if self.parsed is None else constant_positions(self.parsed)
        return position_of(node, self._constants)

    def parameter(self, index: int, position: int) -> Param:
        """`$index` as the type it is known to have so far; of type unknown where nothing decided it yet."""
        if not self.takes_parameters or index <= 0 or index > 65535:
            raise UndefinedParameter(f"there is no parameter ${index}", position=position)
        self._parameters.add(index)
        known = self._fixed.get(index, self._deduced.get(index, UNKNOWN))
        return Param(index, known)

    def deduce(self, param: Param, type: SqlType) -> Param:
        """`param`, so far of unknown type, used as `type`: it is of that type from now on."""
        known = self._fixed.get(param.index, self._deduced.get(param.index, UNKNOWN))
        if known == UNKNOWN:
            known = self._deduced[param.index] = type.bare()
        if known.name != type.name:
            raise AmbiguousParameter(
                f"inconsistent types deduced for parameter ${param.index}",
                detail=f"{known} versus {type.bare()}",
                position=self.position(param),
            )
        deduced = Param(param.index, known)
        self.located(deduced, param)
        return deduced

    def parameter_types(self) -> tuple[SqlType, ...]:
        """The type of every parameter, used or declared. Raises IndeterminateDatatype."""
        last = max([*self._parameters, *self._fixed], default=0)
        types = []
        for index in range(1, last + 1):
            known = self._fixed.get(index, self._deduced.get(index))
            if known is None or known == UNKNOWN:
                raise IndeterminateDatatype(f"could not determine data type of parameter ${index}")
            types.append(known)
        return tuple(types)


class AmbiguousParameter(IndeterminateDatatype):
    """42P08: one parameter used as two types."""

    sqlstate = "42P08"
