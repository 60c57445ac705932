"""Maps in expressions: which types the functions of maps take and give, `m[k]`, and their comparison."""

from collections.abc import Callable
from typing import Any

from pgstream.errors import CannotCoerce, SqlError, UndefinedFunction
from pgstream.functions.registry import functions_named
from pgstream.plan.expressions import Call, Expr
from pgstream.sql.bind.binding import TEXT, UNKNOWN, Binding
from pgstream.sql.bind.coercion import coerce, common_type, decided, to_common_type, undomained
from pgstream.types.definition import SqlType, array_of
from pgstream.types.described import struct_type
from pgstream.types.map import entries_of, is_map, map_type

Node = Any
INT4, BOOL = SqlType("int4"), SqlType("bool")
Typing = Callable[[SqlType, SqlType, SqlType], tuple[tuple[SqlType, ...], SqlType]]
"""From the types of a map, its keys and its values: those of the other arguments, and of the result."""

_OF_MAPS: dict[str, Typing] = {
    "map_keys": lambda m, k, v: ((), array_of(k)),
    "map_values": lambda m, k, v: ((), array_of(v)),
    "map_entries": lambda m, k, v: ((), array_of(struct_type([("key", k), ("value", v)]))),
    "map_length": lambda m, k, v: ((), INT4),
    "map_contains": lambda m, k, v: ((k,), BOOL),
    "map_access": lambda m, k, v: ((k,), v),
    "map_cat": lambda m, k, v: ((m,), m),
    "map_concat": lambda m, k, v: ((m,), m),
    "map_union": lambda m, k, v: ((m,), m),
    "map_insert": lambda m, k, v: ((k, v), m),
    "map_delete": lambda m, k, v: ((k,), m),
    "map_eq": lambda m, k, v: ((m,), BOOL),
    "map_ne": lambda m, k, v: ((m,), BOOL),
}
_MAKING = ("map", "map_from_entries", "map_from_key_values", "map_from_arrays")
_COMPARING = {"=": "map_eq", "<>": "map_ne"}


def map_call(binding: Binding, name: str, args: list[Expr], position: int) -> Expr | None:
    """A call of a function of maps; None where the call is of another. Raises UndefinedFunction."""
    args = [undomained(arg) for arg in args]
    if name == "cardinality" and len(args) == 1 and is_map(args[0].type):
        name = "map_length"
    if name not in _OF_MAPS and name not in _MAKING:
        return None
    try:
        made = _made(binding, name, args) if name in _MAKING else _of_map(binding, name, args)
    except (KeyError, SqlError):
        made = None
    if made is None:
        shown = ", ".join(str(arg.type.bare()) for arg in args)
        raise UndefinedFunction(
            f"function {name}({shown}) does not exist",
            hint="No function matches the given name and argument types. You might need to add explicit type casts.",
            position=position,
        )
    return binding.located(made, position, *args)


def _of_map(binding: Binding, name: str, args: list[Expr]) -> Call | None:
    if not args or not is_map(args[0].type):
        return None
    wanted, result = _OF_MAPS[name](args[0].type, *entries_of(args[0].type))
    if len(wanted) != len(args) - 1:
        return None
    others = [coerce(binding, arg, type, "i") for arg, type in zip(args[1:], wanted, strict=True)]
    if None in others:
        return None
    return _call(name, [args[0], *others], result)


def _call(name: str, args: list[Any], result: SqlType) -> Call:
    [declared] = functions_named(name)
    return Call(declared, tuple(args), result)


def _made(binding: Binding, name: str, args: list[Expr]) -> Call | None:
    if name == "map":
        return _of_pairs(binding, args)
    elements = [arg.type.element for arg in args]
    if name == "map_from_entries":
        fields = elements[0].definition.attributes if len(args) == 1 and elements[0] is not None else None
        if fields is None or len(fields) != 2:
            return None
        return _call(name, args, map_type(*(_known(type) for _, type in fields)))
    if len(args) != 2 or elements[0] is None or elements[1] is None:
        return None
    return _call(name, args, map_type(_known(elements[0]), _known(elements[1])))


def _known(type: SqlType) -> SqlType:
    return TEXT if type == UNKNOWN else type.bare()


def _of_pairs(binding: Binding, args: list[Expr]) -> Call | None:
    if not args or len(args) % 2:
        return None
    keys, values = args[::2], args[1::2]
    types = [common_type(binding, side, "MAP") for side in (keys, values)]
    made: list[Expr] = []
    for key, value in zip(keys, values, strict=True):
        made += [to_common_type(binding, key, types[0], "MAP"), to_common_type(binding, value, types[1], "MAP")]
    return _call("map", [decided(binding, each) for each in made], map_type(*types))


def map_access(binding: Binding, made: Expr, key: Expr) -> Expr:
    """`m[k]`. Raises CannotCoerce for a key of another type."""
    wanted, _ = entries_of(made.type)
    found = coerce(binding, key, wanted, "a")
    if found is None:
        raise CannotCoerce(
            f"a key of {made.type.bare()} cannot be of type {key.type.bare()}", position=binding.position(key)
        )
    return _call("map_access", [made, found], entries_of(made.type)[1])


def compared(binding: Binding, name: str, args: list[Expr]) -> Expr | None:
    """`=` and `<>` of maps of one type; None for all else."""
    if name not in _COMPARING or len(args) != 2 or not any(is_map(arg.type) for arg in args):
        return None
    type = next(arg.type for arg in args if is_map(arg.type)).bare()
    sides = [coerce(binding, arg, type, "i") for arg in args]
    return None if None in sides else _call(_COMPARING[name], sides, BOOL)
