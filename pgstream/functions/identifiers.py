"""Comparisons of what only the catalogs hold: "char", xid, cid and oidvector; name beside text."""

from pgstream.functions.comparison import TESTS, by_order_key, declare_comparisons, examples_of, padded
from pgstream.functions.registry import function

for _left, _right in (("name", "text"), ("text", "name")):
    declare_comparisons(
        f"{_left}{{}}{_right}", _left, _right, ("a", "ab"), lambda test: test, nullsafe=True, scalars=True
    )
for _operator, (_suffix, _test, _results) in TESTS.items():
    _equality = _suffix in ("eq", "ne")
    function(
        f"char{_suffix}(char, char) -> bool",
        operator=_operator,
        bound=not _equality,
        nullsafe=_equality,
        scalars=_equality,
        examples=examples_of(_operator, '"char"', '"char"', "a", "b"),
        doc=f'Whether the first "char" {_operator} the second, by their codes.',
    )(_test if _equality else by_order_key(_test))
    if _equality:
        for _left, _right in (("xid", "xid"), ("xid", "int4"), ("cid", "cid")):
            if _suffix == "ne" and _left == "cid":
                continue
            _name = f"xid{'n' if _suffix == 'ne' else ''}eq{'int4' if _right == 'int4' else ''}"
            function(
                f"{_name if _left == 'xid' else 'cideq'}({_left}, {_right}) -> bool",
                operator=_operator,
                nullsafe=True,
                examples={f"'7'::{_left} {_operator} '7'::{_right}": _results[1]},
                doc=f"Whether the first {_operator} the second.",
            )(_test)
    else:
        for _type, _kernel in (("text", _test), ("bpchar", padded(_test))):
            function(
                f"{_type}_pattern_{_suffix}({_type}, {_type}) -> bool",
                operator=f"~{_operator}~",
                nullsafe=True,
                examples={
                    f"'a'::{_type} ~{_operator}~ 'ab'::{_type}": _results[0],
                    f"'a'::{_type} ~{_operator}~ 'a'": _results[1],
                },
                doc=f"Whether the first {_operator} the second, byte by byte.",
            )(_kernel)

declare_comparisons("oidvector", "oidvector", "oidvector", ("3", "1 2"), by_order_key, bound=True)
