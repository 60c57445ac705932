"""Random queries with one answer: a grammar over a few small tables that never leaves the result to chance.

What SQL leaves open is not generated: LIMIT stands only under an ORDER BY over all columns, string_agg and array_agg
have a total order, and floating-point sums stay out. Values come from small domains, so that joins match, groups
collide and NULLs meet NULLs.
"""

from dataclasses import dataclass
from random import Random

INT, BIG, NUM, TEXT, BOOL, DATE, STAMP = "int4", "int8", "numeric", "text", "bool", "date", "timestamp"
TYPES = (INT, BIG, NUM, TEXT, BOOL, DATE, STAMP)


@dataclass(frozen=True)
class Field:
    """A column that a query can name."""

    name: str
    type: str


@dataclass(frozen=True)
class TableShape:
    """A table of the random schema; the first column is its primary key where `keyed`."""

    name: str
    fields: tuple[Field, ...]
    keyed: bool

    def ddl(self) -> str:
        columns = [f"{f.name} {f.type}" for f in self.fields]
        if self.keyed:
            columns[0] += " PRIMARY KEY"
        return f"CREATE TABLE {self.name} ({', '.join(columns)})"


@dataclass(frozen=True)
class Source:
    """Something in FROM: its SQL, its alias, and its columns."""

    sql: str
    alias: str
    fields: tuple[Field, ...]

    def columns(self) -> list[Field]:
        return [Field(f"{self.alias}.{f.name}", f.type) for f in self.fields]


def literal(random: Random, type: str, nulls: bool = True) -> str:
    """A constant of `type` from its small domain; NULL now and then."""
    if nulls and random.random() < 0.15:
        return f"NULL::{type}"
    if type in (INT, BIG):
        return f"{random.randint(-2, 6)}::{type}" if type == BIG else str(random.randint(-2, 6))
    if type == NUM:
        return random.choice(["0", "1.5", "1.50", "2", "-3.25", "10.000", "0.1"]) + "::numeric"
    if type == TEXT:
        return "'" + random.choice(["", "a", "b", "ab", "Ä", "zz", "a b"]) + "'::text"
    if type == BOOL:
        return random.choice(["true", "false"])
    if type == DATE:
        return f"'2024-01-{random.randint(1, 5):02}'::date"
    return f"'2024-01-01 0{random.randint(0, 3)}:{random.choice(['00', '30'])}:00'::timestamp"


class QueryMaker:
    """One random query after another over `tables`."""

    def __init__(self, random: Random, tables: list[TableShape]) -> None:
        self.random = random
        self.tables = tables
        self._aliases = 0

    def query(self) -> str:
        """A whole query, each output column named."""
        self._aliases = 0
        sql, _ = self._select(depth=2, outer=[])
        return sql

    def _alias(self) -> str:
        self._aliases += 1
        return f"x{self._aliases}"

    def _pick(self, fields: list[Field], type: str) -> str | None:
        names = [f.name for f in fields if f.type == type]
        return self.random.choice(names) if names else None

    # -- expressions ---------------------------------------------------------------------------------------------

    def value(self, fields: list[Field], type: str, depth: int = 2) -> str:
        """An expression of `type`."""
        column = self._pick(fields, type)
        if depth == 0 or self.random.random() < 0.35:
            return column if column is not None and self.random.random() < 0.85 else literal(self.random, type)
        return getattr(self, f"_{type}")(fields, depth - 1)

    def _int4(self, fields: list[Field], depth: int) -> str:
        a, b = (self.value(fields, INT, depth) for _ in range(2))
        text = self.value(fields, TEXT, depth)
        return self.random.choice(
            [f"({a} + {b})", f"({a} - {b})", f"({a} * {b} % 7)", f"abs({a})", f"length({text})", f"coalesce({a}, {b})",
             f"CASE WHEN {self.predicate(fields, depth)} THEN {a} ELSE {b} END", f"nullif({a}, {b})",
             f"greatest({a}, {b})", f"least({a}, {b}, 3)", f"extract(day FROM {self.value(fields, DATE, depth)})::int4"]
        )  # fmt: skip

    def _int8(self, fields: list[Field], depth: int) -> str:
        a, b = self.value(fields, BIG, depth), self.value(fields, INT, depth)
        return self.random.choice([f"({a} + {b})", f"({a} - {b})", f"({b})::int8", f"coalesce({a}, 0)", f"mod({a}, 4)"])

    def _numeric(self, fields: list[Field], depth: int) -> str:
        a, b = self.value(fields, NUM, depth), self.value(fields, NUM, depth)
        return self.random.choice(
            [f"({a} + {b})", f"({a} * {b})", f"round({a}, 1)", f"({a} - {self.value(fields, INT, depth)})", f"abs({a})"]
        )

    def _text(self, fields: list[Field], depth: int) -> str:
        a, b = self.value(fields, TEXT, depth), self.value(fields, TEXT, depth)
        return self.random.choice(
            [f"({a} || {b})", f"upper({a})", f"substring({a}, 1, 1)", f"coalesce({a}, {b})", f"replace({a}, 'a', 'c')",
             f"({self.value(fields, INT, depth)})::text", f"CASE WHEN {a} = {b} THEN 'same' ELSE {a} END"]
        )  # fmt: skip

    def _bool(self, fields: list[Field], depth: int) -> str:
        return f"({self.predicate(fields, depth)})"

    def _date(self, fields: list[Field], depth: int) -> str:
        a = self.value(fields, DATE, depth)
        return self.random.choice([f"({a} + {self.random.randint(0, 3)})", f"{self.value(fields, STAMP, depth)}::date"])

    def _timestamp(self, fields: list[Field], depth: int) -> str:
        a = self.value(fields, STAMP, depth)
        return self.random.choice([f"({a} + interval '90 minutes')", f"date_trunc('hour', {a})"])

    def predicate(self, fields: list[Field], depth: int = 2) -> str:
        """A condition, which may be NULL."""
        type = self.random.choice(TYPES)
        a, b = (self.value(fields, type, max(depth - 1, 0)) for _ in range(2))
        simple = [f"{a} {self.random.choice(['=', '<>', '<', '<=', '>', '>='])} {b}", f"{a} IS NULL",
                  f"{a} IS NOT NULL", f"{a} IS DISTINCT FROM {b}",
                  f"{a} IN ({', '.join(literal(self.random, type) for _ in range(2))}, {b})",
                  f"{a} BETWEEN {b} AND {literal(self.random, type)}"]  # fmt: skip
        if type == TEXT:
            simple.append(f"{a} LIKE '{self.random.choice(['a%', '%b', '_', '%'])}'")
        if depth == 0 or self.random.random() < 0.6:
            return self.random.choice(simple)
        left, right = self.predicate(fields, depth - 1), self.predicate(fields, depth - 1)
        return self.random.choice([f"({left} AND {right})", f"({left} OR {right})", f"NOT ({left})"])

    def subquery_predicate(self, fields: list[Field], depth: int) -> str:
        """A condition with a subquery, most often a correlated one."""
        source = self._table()
        inner = source.columns()
        correlation = self._equality(fields, inner) if self.random.random() < 0.8 else None
        where = " AND ".join(filter(None, [correlation, self.predicate(inner + fields, 1)]))
        type = self.random.choice((INT, BIG, TEXT, NUM))
        a, b = self.value(fields, type, 1), self.value(inner, type, 0)
        body = f"FROM {source.sql} WHERE {where}"
        return self.random.choice(
            [f"EXISTS (SELECT 1 {body})", f"NOT EXISTS (SELECT 1 {body})", f"{a} IN (SELECT {b} {body})",
             f"{a} NOT IN (SELECT {b} {body})", f"{a} > ANY (SELECT {b} {body})", f"{a} <= ALL (SELECT {b} {body})",
             f"{a} = (SELECT max({b}) {body})", f"(SELECT count(*) {body}) > {self.random.randint(0, 2)}"]
        )  # fmt: skip

    def scalar_subquery(self, fields: list[Field], type: str) -> str:
        """A scalar subquery of `type`."""
        source = self._table()
        inner = source.columns()
        correlation = self._equality(fields, inner) or "true"
        b = self.value(inner, type, 1)
        return f"(SELECT {self.random.choice(['max', 'min'])}({b}) FROM {source.sql} WHERE {correlation})"

    # -- relations -----------------------------------------------------------------------------------------------

    def _table(self) -> Source:
        shape, alias = self.random.choice(self.tables), self._alias()
        return Source(f"{shape.name} {alias}", alias, shape.fields)

    def _equality(self, left: list[Field], right: list[Field]) -> str | None:
        pairs = [(a.name, b.name) for a in left for b in right if a.type == b.type]
        return "{} = {}".format(*self.random.choice(pairs)) if pairs else None

    def _source(self, depth: int) -> Source:
        if depth > 0 and self.random.random() < 0.3:
            sql, fields = self._select(depth - 1, [])
            alias = self._alias()
            return Source(f"({sql}) {alias}", alias, tuple(fields))
        return self._table()

    def _from(self, depth: int) -> tuple[str, list[Field]]:
        first = self._source(depth)
        sql, fields = first.sql, first.columns()
        while self.random.random() < 0.4 and len(fields) < 14:
            other = self._source(depth - 1 if depth else 0)
            kind = self.random.choice(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"])
            equality = self._equality(fields, other.columns())
            if kind == "CROSS JOIN" or equality is None:
                sql += f" CROSS JOIN {other.sql}"
            else:
                extra = self.predicate(fields + other.columns(), 0) if self.random.random() < 0.3 else None
                condition = equality if extra is None or kind == "FULL JOIN" else f"{equality} AND {extra}"
                sql += f" {kind} {other.sql} ON {condition}"
            fields = fields + other.columns()
        return sql, fields

    def _where(self, fields: list[Field], depth: int) -> str:
        conditions = []
        if self.random.random() < 0.5:
            conditions.append(self.predicate(fields))
        if depth > 0 and self.random.random() < 0.35:
            conditions.append(self.subquery_predicate(fields, depth))
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _select(self, depth: int, outer: list[Field]) -> tuple[str, list[Field]]:
        roll = self.random.random()
        if depth > 0 and roll < 0.12:
            return self._set_operation(depth)
        if roll < 0.45:
            return self._grouped(depth)
        if roll < 0.58:
            return self._windowed(depth)
        return self._plain(depth)

    def _plain(self, depth: int) -> tuple[str, list[Field]]:
        source, fields = self._from(depth)
        where = self._where(fields, depth)
        types = [self.random.choice(TYPES) for _ in range(self.random.randint(1, 4))]
        outputs = []
        for i, type in enumerate(types):
            if depth > 0 and type in (INT, TEXT, NUM) and self.random.random() < 0.1:
                outputs.append(f"{self.scalar_subquery(fields, type)} AS c{i}")
            else:
                outputs.append(f"{self.value(fields, type)} AS c{i}")
        made = [Field(f"c{i}", type) for i, type in enumerate(types)]
        distinct = "DISTINCT " if self.random.random() < 0.2 else ""
        sql = f"SELECT {distinct}{', '.join(outputs)} FROM {source}{where}"
        if self.random.random() < 0.15:
            order = ", ".join(f"{i + 1}{self.random.choice(['', ' DESC', ' NULLS FIRST'])}" for i in range(len(types)))
            count = self.random.randint(1, 6)
            if self.random.random() < 0.3:
                return f"{sql} ORDER BY 1 FETCH FIRST {count} ROWS WITH TIES", made
            offset = f" OFFSET {self.random.randint(1, 3)}" if self.random.random() < 0.3 else ""
            sql = f"{sql} ORDER BY {order} LIMIT {count}{offset}"
        return sql, made

    def _aggregate(self, fields: list[Field]) -> tuple[str, str]:
        """An aggregate call and its type."""
        number = self.value(fields, INT, 1)
        type = self.random.choice((INT, BIG, NUM, TEXT, DATE, STAMP))
        value = self.value(fields, type, 1)
        text = self.value(fields, TEXT, 1)
        call, made = self.random.choice(
            [("count(*)", BIG), (f"count({number})", BIG), (f"count(DISTINCT {value})", BIG), (f"sum({number})", BIG),
             (f"sum(DISTINCT {number})", BIG), (f"sum({self.value(fields, BIG, 1)})", NUM),
             (f"sum({self.value(fields, NUM, 1)})", NUM), (f"avg({number})", NUM),
             (f"avg({self.value(fields, NUM, 0)})", NUM), (f"min({value})", type), (f"max({value})", type),
             (f"bool_and({self.predicate(fields, 1)})", BOOL), (f"bool_or({self.predicate(fields, 1)})", BOOL),
             (f"string_agg({text}, ',' ORDER BY {text})", TEXT),
             (f"array_to_string(array_agg({number} ORDER BY {number}), ',', '*')", TEXT),
             (f"string_agg(DISTINCT {text}, '-')", TEXT),
             (f"jsonb_agg({number} ORDER BY {number} DESC)::text", TEXT), (f"bit_or({number})", INT),
             (f"bit_xor({number})", INT), (f"variance({number})", NUM), (f"stddev_pop({number})", NUM),
             (f"var_pop({self.value(fields, NUM, 0)})", NUM), self._ordered_set(fields), self._ordered_set(fields)]
        )  # fmt: skip
        if not call.startswith(("array_to", "jsonb_agg")) and self.random.random() < 0.2:
            call += f" FILTER (WHERE {self.predicate(fields, 1)})"
        return call, made

    def _ordered_set(self, fields: list[Field]) -> tuple[str, str]:
        """An aggregate WITHIN GROUP and its type."""
        type = self.random.choice((INT, BIG, NUM, TEXT, DATE, STAMP))
        value, other = self.value(fields, type, 1), literal(self.random, type)
        fraction = self.random.choice(["0", "0.25", "0.5", "0.9", "1"])
        order = value + self.random.choice(["", " DESC", " NULLS FIRST"])
        rank = self.random.choice(["rank", "dense_rank"])
        return self.random.choice(
            [(f"percentile_disc({fraction}) WITHIN GROUP (ORDER BY {order})", type),
             (f"mode() WITHIN GROUP (ORDER BY {order})", type),
             (f"{rank}({other}) WITHIN GROUP (ORDER BY {order})", BIG),
             (f"round(cume_dist({other}) WITHIN GROUP (ORDER BY {order})::numeric, 6)", NUM),
             (f"round(percentile_cont({fraction}) WITHIN GROUP (ORDER BY {self.value(fields, INT, 0)})::numeric, 6)",
              NUM)]
        )  # fmt: skip

    def _grouped(self, depth: int) -> tuple[str, list[Field]]:
        source, fields = self._from(depth)
        where = self._where(fields, depth)
        keys = [self.random.choice(TYPES) for _ in range(self.random.randint(0, 2))]
        outputs = [f"{self.value(fields, type, 1)} AS c{i}" for i, type in enumerate(keys)]
        made = [Field(f"c{i}", type) for i, type in enumerate(keys)]
        for i in range(len(keys), len(keys) + self.random.randint(1, 3)):
            call, type = self._aggregate(fields)
            outputs.append(f"{call} AS c{i}")
            made.append(Field(f"c{i}", type))
        listed = ", ".join(str(i + 1) for i in range(len(keys)))
        if keys and self.random.random() < 0.25:
            forms = [
                f"ROLLUP ({listed})",
                f"CUBE ({listed})",
                f"GROUPING SETS (({listed}), ())",
                f"1, ROLLUP ({listed})",
            ]
            listed = self.random.choice([*forms, f"DISTINCT ROLLUP ({listed}), CUBE (1)"])
        group = f" GROUP BY {listed}" if keys else ""
        having = f" HAVING count(*) > {self.random.randint(0, 2)}" if self.random.random() < 0.2 else ""
        return f"SELECT {', '.join(outputs)} FROM {source}{where}{group}{having}", made

    def _windowed(self, depth: int) -> tuple[str, list[Field]]:
        """Window functions over a table, ordered by all of its columns so that ties are identical rows."""
        source = self._table()
        fields = source.columns()
        where = self._where(fields, depth)
        everything = ", ".join(f.name for f in fields)
        partition = (
            f"PARTITION BY {self.value(fields, self.random.choice(TYPES), 0)} " if self.random.random() < 0.7 else ""
        )
        over = f"OVER ({partition}ORDER BY {everything})"
        number = self.value(fields, INT, 1)
        some = self._pick(fields, INT) or "1"
        whole = "UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
        framed, exact = self._frames(partition, everything, some)
        call, type = self.random.choice(
            [(f"row_number() {over}", BIG), (f"rank() OVER ({partition}ORDER BY {some})", BIG),
             (f"dense_rank() OVER ({partition}ORDER BY {some} DESC)", BIG),
             (f"lag({number}) {over}", INT), (f"lead({number}, 2, 0) {over}", INT), (f"sum({number}) {over}", BIG),
             (f"count(*) OVER ({partition.strip()})", BIG), (f"max({number}) OVER ({partition.strip()})", INT),
             (f"sum({number}) OVER ({partition}ORDER BY {some} ROWS BETWEEN {whole})", BIG),
             (f"avg({number}) OVER ({partition}ORDER BY {some})", NUM),
             (f"sum({number}) {framed}", BIG), (f"count(*) {framed}", BIG), (f"min({number}) {framed}", INT),
             (f"sum({self.value(fields, NUM, 0)}) {framed}", NUM), (f"max({number}) {exact}", INT),
             (f"first_value({number}) {exact}", INT), (f"nth_value({number}, 2) {exact}", INT),
             (f"ntile(3) {over}", INT), (f"sum({number}) FILTER (WHERE {self.predicate(fields, 1)}) {framed}", BIG)]
        )  # fmt: skip
        kept = self.random.choice(fields)
        sql = f"SELECT {kept.name} AS c0, {call} AS c1 FROM {source.sql}{where}"
        made = [Field("c0", kept.type), Field("c1", type)]
        if type == BIG and self.random.random() < 0.3:
            alias = self._alias()
            return f"SELECT c0, c1 FROM ({sql}) {alias} WHERE c1 <= {self.random.randint(1, 3)}", made
        return sql, made

    def _frames(self, partition: str, everything: str, some: str) -> tuple[str, str]:
        """Two windows: one whose frames hold peers together, one over rows in a total order."""
        before, after = self.random.randint(0, 3), self.random.randint(0, 3)
        bounds = self.random.choice(
            [f"{before} PRECEDING AND {after} FOLLOWING", "UNBOUNDED PRECEDING AND CURRENT ROW",
             f"CURRENT ROW AND {after} FOLLOWING", f"{before + after} PRECEDING AND {after} PRECEDING",
             f"{before} FOLLOWING AND UNBOUNDED FOLLOWING"]
        )  # fmt: skip
        direction = self.random.choice(["", " DESC", " NULLS FIRST"])
        mode = self.random.choice(["RANGE", "GROUPS"])
        exclude = self.random.choice(["", "", " EXCLUDE GROUP", " EXCLUDE CURRENT ROW", " EXCLUDE TIES"])
        kept = "" if exclude in (" EXCLUDE CURRENT ROW", " EXCLUDE TIES") else exclude
        return (
            f"OVER ({partition}ORDER BY {some}{direction} {mode} BETWEEN {bounds}{kept})",
            f"OVER ({partition}ORDER BY {everything} ROWS BETWEEN {bounds}{exclude})",
        )

    def _set_operation(self, depth: int) -> tuple[str, list[Field]]:
        types = [self.random.choice(TYPES) for _ in range(self.random.randint(1, 3))]
        sides = []
        for _ in range(2):
            source, fields = self._from(depth - 1)
            outputs = ", ".join(f"{self.value(fields, type, 1)} AS c{i}" for i, type in enumerate(types))
            sides.append(f"SELECT {outputs} FROM {source}{self._where(fields, depth - 1)}")
        operator = self.random.choice(["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"])
        return f"({sides[0]}) {operator} ({sides[1]})", [Field(f"c{i}", type) for i, type in enumerate(types)]
