"""Functions and operators of ranges and multiranges, declared for each range type."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import NullValueNotAllowed, SyntaxError42601
from pgstream.functions import range_algebra as algebra
from pgstream.functions.calling import column_from, python_values
from pgstream.functions.registry import EXPLICIT, BoundCall, cast, function, recomputed
from pgstream.types.multirange import Ranges, united
from pgstream.types.range import KINDS, Range, RangeKind, UnfitRange
from pgstream.types.range_text import shown_bound

SHOWN = {
    "int4": ("1", "3", "7"),
    "int8": ("1", "3", "7"),
    "numeric": ("1.5", "3.00", "7"),
    "date": ("2024-01-31", "2024-02-03", "2024-03-07"),
    "timestamp": ("2024-01-31 10:00:00", "2024-02-03 00:00:00", "2024-03-07 00:00:00"),
    "timestamptz": ("2024-01-31 10:00:00+00", "2024-02-03 00:00:00+00", "2024-03-07 00:00:00+00"),
}
"""Three texts of each subtype's values, in order and as they are printed."""

RELATIONS: tuple[tuple[str, str, Callable[[Ranges, Ranges], bool], str, str], ...] = (
    ("contains", "@>", algebra.contains, "contains the second", "f"),
    ("contained_by", "<@", lambda left, right: algebra.contains(right, left), "lies in the second", "f"),
    ("overlaps", "&&", algebra.overlap, "has something in common with the second", "f"),
    ("before", "<<", algebra.before, "lies before the second", "t"),
    ("after", ">>", algebra.after, "lies after the second", "f"),
    ("overleft", "&<", algebra.ends_by, "ends no later than the second", "t"),
    ("overright", "&>", algebra.starts_from, "starts no earlier than the second", "f"),
    ("adjacent", "-|-", algebra.adjacent, "touches the second", "t"),
)
FLAGS = {"[]": (True, True), "[)": (True, False), "(]": (False, True), "()": (False, False)}


def _flags_of(text: str | None) -> tuple[bool, bool]:
    if text is None:
        raise UnfitRange("range constructor flags argument must not be null")
    if text not in FLAGS:
        hint = 'Valid values are "[]", "[)", "(]", and "()".'
        raise SyntaxError42601("invalid range bound flags", hint=hint)
    return FLAGS[text]


def _relating(test: Callable[[Ranges, Ranges], bool]) -> Callable[..., bool]:
    return lambda left, right: test(algebra.listed(left), algebra.listed(right))


def _members(*ranges: Range | None) -> Ranges | None:
    if ranges == (None,):
        return None
    if None in ranges:
        raise NullValueNotAllowed("multirange values cannot contain null members")
    return united(one for one in ranges if one is not None)


class Declarations:
    """The declarations for one range type; examples show ranges between its three texts."""

    def __init__(self, kind: RangeKind) -> None:
        self.kind = kind
        self.range, self.multi, self.sub = kind.name, kind.multirange, kind.subtype.name
        self.low, self.middle, self.high = SHOWN[kind.subtype.name]
        self.first, self.second, self.whole = (
            self._text(self.low, self.middle),
            self._text(self.middle, self.high),
            self._text(self.low, self.high),
        )

    @staticmethod
    def _text(lower: str, upper: str) -> str:
        return f"[{shown_bound(lower)},{shown_bound(upper)})"

    def _literals(self, name: str, which: str) -> str:
        text = which if name == self.range else f"{{{which}}}"
        return f"'{text}'::{name}"

    def declare(self) -> None:
        """Everything."""
        self.constructors()
        self.relations()
        self.of_values()
        self.set_operations()
        for name in (self.range, self.multi):
            self.bounds(name)
        self.conversions()
        self.aggregates()

    def constructors(self) -> None:
        """The functions that are called like the types."""
        kind, name = self.kind, self.range
        how: dict[str, Any] = {"rowwise": True, "strict": False}
        ends = f"'{self.low}', '{self.high}'"
        function(
            f"{name}({self.sub}, {self.sub}) -> {name}",
            doc="The range from one value to another, the last not included; NULL: without end.",
            examples={f"{name}({ends})": self.whole},
            **how,
        )(lambda lower, upper: kind.made(lower, upper, True, False))
        function(
            f"{name}({self.sub}, {self.sub}, text) -> {name}",
            doc="The range from one value to another; [ and ] include them, ( and ) do not.",
            examples={f"{name}({ends}, '[)')": self.whole},
            **how,
        )(lambda lower, upper, flags: kind.made(lower, upper, *_flags_of(flags)))
        function(f"{self.multi}() -> {self.multi}", doc="No range.", rowwise=True, examples={f"{self.multi}()": "{}"})(
            lambda: ()
        )
        function(
            f"{self.multi}(VARIADIC {name}) -> {self.multi}",
            doc="What lies in one of the ranges.",
            examples={f"{self.multi}('{self.first}', '{self.second}')": f"{{{self.whole}}}"},
            **how,
        )(_members)

    def relations(self) -> None:
        """The operators that compare where two ranges or multiranges lie."""
        words = {self.range: "range", self.multi: "multirange"}
        for word, operator, test, doc, shown in RELATIONS:
            for left, is_left in words.items():
                for right, is_right in words.items():
                    pair = left == right == self.range
                    made = f"range_{word}" if pair else f"{is_left}_{word}_{is_right}"
                    called = f"{self._literals(left, self.first)} {operator} {self._literals(right, self.second)}"
                    function(
                        f"{made}({left}, {right}) -> bool",
                        operator=operator,
                        rowwise=True,
                        doc=f"Whether the first {doc}.",
                        examples={called: shown},
                    )(_relating(test))

    def of_values(self) -> None:
        """Whether values lie in ranges."""
        for name, word in ((self.range, "range"), (self.multi, "multirange")):
            shown, value = self._literals(name, self.first), f"'{self.low}'::{self.sub}"
            function(
                f"{word}_contains_elem({name}, {self.sub}) -> bool",
                operator="@>",
                rowwise=True,
                doc="Whether the value lies in it.",
                examples={f"{shown} @> {value}": "t"},
            )(lambda ranges, one: algebra.contains_value(algebra.listed(ranges), one))
            function(
                f"elem_contained_by_{word}({self.sub}, {name}) -> bool",
                operator="<@",
                rowwise=True,
                doc="Whether the value lies in it.",
                examples={f"{value} <@ {shown}": "t"},
            )(lambda one, ranges: algebra.contains_value(algebra.listed(ranges), one))

    def set_operations(self) -> None:
        """Union, intersection and difference."""
        kind = self.kind

        def meet(left: Range, right: Range) -> Range:
            return algebra.hull(algebra.intersection(kind, algebra.listed(left), algebra.listed(right)))

        operations: tuple[tuple[str, str, str, Callable[..., Any], str, str, str], ...] = (
            (self.range, "union", "+", algebra.union_range, "both", self.first, self.whole),
            (self.range, "intersect", "*", meet, "what lies in both", self.whole, self.second),
            (
                self.range, "minus", "-", lambda left, right: algebra.difference_range(kind, left, right),
                "the first without the second", self.whole, self.first,
            ),
            (self.multi, "union", "+", lambda left, right: united(left + right), "both", self.first, self.whole),
            (
                self.multi, "intersect", "*", lambda left, right: algebra.intersection(kind, left, right),
                "what lies in both", self.whole, self.second,
            ),
            (
                self.multi, "minus", "-", lambda left, right: algebra.difference(kind, left, right),
                "the first without the second", self.whole, self.first,
            ),
        )  # fmt: skip
        for name, word, operator, kernel, doc, left, shown in operations:
            prefix = "range" if name == self.range else "multirange"
            called = f"{self._literals(name, left)} {operator} {self._literals(name, self.second)}"
            function(
                f"{prefix}_{word}({name}, {name}) -> {name}",
                operator=operator,
                rowwise=True,
                doc=f"{doc[0].upper()}{doc[1:]}.",
                examples={called: shown if name == self.range else f"{{{shown}}}"},
            )(kernel)

    def bounds(self, name: str) -> None:
        """Where ranges start and end."""
        asked: tuple[tuple[str, str, Callable[[Range], Any], str, str], ...] = (
            ("lower", self.sub, lambda one: one.lower, self.low, "The value it starts with; NULL: without end."),
            ("upper", self.sub, lambda one: one.upper, self.middle, "The value it ends with; NULL: without end."),
            ("isempty", "bool", lambda one: one.empty, "f", "Whether nothing lies in it."),
            ("lower_inc", "bool", lambda one: one.lower_inc, "t", "Whether the value it starts with is included."),
            ("upper_inc", "bool", lambda one: one.upper_inc, "f", "Whether the value it ends with is included."),
            ("lower_inf", "bool", lambda one: not one.empty and one.lower is None, "f", "Whether it has no start."),
            ("upper_inf", "bool", lambda one: not one.empty and one.upper is None, "f", "Whether it has no end."),
        )
        for call, result, ask, shown, doc in asked:
            function(
                f"{call}({name}) -> {result}",
                rowwise=True,
                doc=doc,
                examples={f"{call}({self._literals(name, self.first)})": shown},
            )(lambda value, ask=ask: ask(algebra.hull(algebra.listed(value))))

    def conversions(self) -> None:
        """From ranges to multiranges and back."""
        name, multi, first, second = self.range, self.multi, self.first, self.second
        cast(f"{name} -> {multi}", EXPLICIT, rowwise=True)(algebra.listed)
        function(
            f"multirange({name}) -> {multi}",
            rowwise=True,
            doc="The multirange of one range.",
            examples={f"multirange('{first}'::{name})": f"{{{first}}}"},
        )(algebra.listed)
        function(
            f"range_merge({name}, {name}) -> {name}",
            rowwise=True,
            doc="The smallest range in which both lie.",
            examples={f"range_merge('{first}'::{name}, '{second}')": self.whole},
        )(lambda left, right: algebra.hull(algebra.listed(left) + algebra.listed(right)))
        function(
            f"range_merge({multi}) -> {name}",
            rowwise=True,
            doc="The smallest range in which all lie.",
            examples={f"range_merge('{{{first}}}'::{multi})": first},
        )(algebra.hull)
        function(
            f"unnest({multi}) -> SETOF {name}",
            bound=True,
            doc="Each range.",
            examples={f"unnest('{{{first}}}'::{multi})": first},
        )(_unnested)

    def aggregates(self) -> None:
        """range_agg and range_intersect_agg."""
        kind = self.kind

        def everything(values: list[Any]) -> Ranges:
            return united(one for value in values for one in algebra.listed(value))

        def shared(values: list[Any]) -> Any:
            made = algebra.listed(values[0])
            for value in values[1:]:
                made = algebra.intersection(kind, made, algebra.listed(value))
            return algebra.hull(made) if isinstance(values[0], Range) else made

        for name in (self.range, self.multi):
            shown = self._literals(name, self.first)
            outcome = self.first if name == self.range else f"{{{self.first}}}"
            recomputed(f"range_agg({name}) -> {self.multi}", examples={f"range_agg({shown})": f"{{{self.first}}}"})(
                _folding(everything, "What lies in one of the ranges.")
            )
            recomputed(f"range_intersect_agg({name}) -> {name}", examples={f"range_intersect_agg({shown})": outcome})(
                _folding(shared, "What lies in all of the ranges.")
            )


Ints = NDArray[np.int64]


def _unnested(call: BoundCall, column: Column) -> tuple[Ints, tuple[Column, ...]]:
    lists = python_values(column, call.arguments[0])
    rows = np.repeat(np.arange(len(lists)), [0 if one is None else len(one) for one in lists]).astype(np.int64)
    return rows, (column_from([one for many in lists for one in many or ()], call.result),)


def _folding(fold: Callable[[list[Any]], Any], doc: str) -> Callable[[BoundCall, tuple[Column, ...], Ints], Column]:
    def finish(call: BoundCall, arguments: tuple[Column, ...], offsets: Ints) -> Column:
        values = python_values(arguments[0], call.arguments[0])
        bounds = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
        return column_from([fold(values[start:end]) if end > start else None for start, end in bounds], call.result)

    finish.__doc__ = doc
    return finish


for _kind in KINDS.values():
    Declarations(_kind).declare()
