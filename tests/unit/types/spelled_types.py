"""Types by their SQL spelling, as the recorded inputs name them."""

from pgstream.types import BY_ALIAS, SqlType, array_of, type_named
from pgstream.types.interval import FULL_RANGE, RANGES


def type_of(spelled: str) -> SqlType:
    """The type that SQL spells so, modifier included."""
    if spelled.endswith("[]"):
        return array_of(type_of(spelled[:-2]))
    if spelled == '"char"':
        return SqlType("char")
    ranges = {f"interval {words}": bits for bits, words in RANGES.items()}
    name, _, numbers = spelled.rstrip(")").partition("(")
    modifiers = tuple(int(number) for number in numbers.split(",")) if numbers else ()
    if name in ranges:
        return SqlType("interval", type_named("interval").definition.typmod_in((ranges[name], *modifiers)))
    if name == "interval" and modifiers:
        modifiers = (FULL_RANGE, *modifiers)
    base = SqlType("bpchar") if name == "char" else type_named(BY_ALIAS.get(name, name))
    return SqlType(base.name, base.definition.typmod_in(modifiers)) if modifiers else base
