"""The SQL signatures that declarations are written with."""

import re
from dataclasses import dataclass

_SIGNATURE = re.compile(r"\s*([^(]+)\((.*?)\)\s*->\s*(SETOF\s+|TABLE\s*\()?(.+?)\)?\s*$")


@dataclass(frozen=True, slots=True)
class Signature:
    """A declaration's SQL text, taken apart: `name(type, VARIADIC type) -> SETOF type` or `-> TABLE(name type, …)`."""

    name: str
    arguments: tuple[str, ...]
    result: str
    variadic: bool = False
    returns_set: bool = False
    output_names: tuple[str, ...] = ()
    output_types: tuple[str, ...] = ()


def parse_signature(text: str) -> Signature:
    """The parts of `text`; types are typnames (`int4`, `_text` for text[])."""
    match = _SIGNATURE.match(text)
    assert match is not None, text
    name, listed, shape, result = match.groups()
    arguments = [part.strip() for part in listed.split(",") if part.strip()]
    variadic = bool(arguments) and arguments[-1].startswith("VARIADIC ")
    types = tuple(part.removeprefix("VARIADIC ").strip() for part in arguments)
    kind = (shape or "").strip()
    if kind.startswith("TABLE"):
        outputs = [part.split() for part in result.split(",")]
        names, kinds = tuple(o[0] for o in outputs), tuple(o[1] for o in outputs)
        whole = kinds[0] if len(kinds) == 1 else "record"
        return Signature(name.strip(), types, whole, variadic, True, names, kinds)
    if kind == "SETOF":
        return Signature(name.strip(), types, result, variadic, True, (name.strip(),), (result,))
    return Signature(name.strip(), types, result, variadic)
