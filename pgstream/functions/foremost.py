"""Aggregates that are the value of one row: the first or last in an order, or the one where another column is extreme.

None of these is PostgreSQL 15's: any_value is 16's, max_by and arg_max have many systems.
"""

from pgstream.functions.maintained import Foremost
from pgstream.functions.registry import aggregate

aggregate(
    "any_value(anyelement) -> anyelement",
    Foremost(),
    doc="One of the values that are not NULL.",
    examples={"any_value(i / i)": "1"},
)
for _name, _last, _answer in (("first", False, "1"), ("last", True, "3")):
    for _declared in (_name, f"{_name}_value"):
        aggregate(
            f"{_declared}(anyelement) -> anyelement",
            Foremost(last=_last),
            strict=False,
            doc=f"The value of the {_name} row in the order that is asked for, which may be NULL.",
            examples={f"{_declared}(i ORDER BY i)": _answer},
        )
for _names, _descending, _answer, _doc in (
    (("max_by", "arg_max"), True, "-3", "greatest"),
    (("min_by", "arg_min"), False, "-1", "least"),
):
    for _name in _names:
        aggregate(
            f"{_name}(anyelement, any) -> anyelement",
            Foremost(by=1, descending=_descending),
            strict=False,
            doc=f"The first argument where the second one is {_doc}; rows where that is NULL do not count.",
            examples={f"{_name}(-i, i)": _answer},
        )
