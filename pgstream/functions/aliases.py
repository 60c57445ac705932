"""Functions under one more name: what other systems call what PostgreSQL has.

list_append      what array_append is
"""

from dataclasses import replace

import pgstream.functions.aggregates
import pgstream.functions.arrays
import pgstream.functions.calendar
import pgstream.functions.extract
import pgstream.functions.lists
import pgstream.functions.recomputed
import pgstream.functions.system
import pgstream.functions.truncation
import pgstream.functions.zones_and_clock  # noqa: F401  these declare what gets another name
from pgstream.functions.registry import AGGREGATES, FUNCTIONS, stable_oid

ALIASES = {
    "array_indexof": "array_position", "array_join": "array_to_string", "array_push_back": "array_append",
    "array_push_front": "array_prepend", "array_remove_all": "array_remove", "array_replace_all": "array_replace",
    "current_row_timestamp": "clock_timestamp", "datepart": "date_part", "datetrunc": "date_trunc",
    "list_append": "array_append", "list_dims": "array_dims", "list_indexof": "array_position",
    "list_join": "array_to_string", "list_ndims": "array_ndims", "list_position": "array_position",
    "list_positions": "array_positions", "list_prepend": "array_prepend", "list_push_back": "array_append",
    "list_push_front": "array_prepend", "list_remove_all": "array_remove", "list_replace_all": "array_replace",
    "list_to_string": "array_to_string", "string_to_list": "string_to_array", "uuid": "gen_random_uuid",
    "wallclock": "clock_timestamp",
}  # fmt: skip
"""Names, and what they are names of."""


def _declare(name: str, known: str) -> None:
    for each in FUNCTIONS[known]:
        examples = {call.replace(f"{known}(", f"{name}("): answer for call, answer in each.examples.items()}
        oid = stable_oid(f"{name}({', '.join(each.arguments)}) as {known}")
        FUNCTIONS.setdefault(name, []).append(replace(each, name=name, oid=oid, examples=examples))


for _name, _known in ALIASES.items():
    assert _name not in FUNCTIONS or _name == "uuid", _name
    _declare(_name, _known)

AGGREGATE_ALIASES = {
    "collect": "array_agg", "list_agg": "array_agg", "logical_and": "bool_and", "logical_or": "bool_or",
}  # fmt: skip

for _name, _known in AGGREGATE_ALIASES.items():
    assert _name not in AGGREGATES, _name
    for _each in AGGREGATES[_known]:
        _examples = {call.replace(f"{_known}(", f"{_name}("): answer for call, answer in _each.examples.items()}
        _oid = stable_oid(f"aggregate {_name}({', '.join(_each.arguments)}) as {_known}")
        AGGREGATES.setdefault(_name, []).append(replace(_each, name=_name, oid=_oid, examples=_examples))
