"""Paths of SQL/JSON as text: read into steps, and written as PostgreSQL writes them.

The grammar is that of PostgreSQL's jsonpath_gram.y; `.datetime()` is not in it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NoReturn

from pgstream.errors import FeatureNotSupported, InvalidTextRepresentation, SyntaxError42601
from pgstream.types.numeric import numeric_of

MANY = 2**32 - 1
"""The last level of `.**`, where there is none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, to what its arguments give, and the step behind it."""

    kind: str
    args: tuple["Step", ...] = ()
    text: str = ""
    span: tuple[int, int] = (0, 0)
    """The levels of `.**`."""
    next: "Step | None" = None

    def then(self, step: "Step") -> "Step":
        """This with `step` behind all that is behind it."""
        return replace(self, next=step if self.next is None else self.next.then(step))


@dataclass(frozen=True, slots=True)
class Path:
    strict: bool
    step: Step


METHODS = frozenset({"type", "size", "abs", "floor", "ceiling", "double", "keyvalue"})
COMPARISONS = {"==": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
PREDICATES = frozenset({"&&", "||", "!", "is unknown", "exists", "starts with", "like_regex", *COMPARISONS.values()})
PRIORITY = {
    "||": 0,
    "&&": 1,
    **dict.fromkeys(("starts with", *COMPARISONS.values()), 2),
    **dict.fromkeys("+-", 3),
    **dict.fromkeys("*/%", 4),
    "plus": 5,
    "minus": 5,
}
INFIX = PRIORITY.keys() - {"plus", "minus"}

_PLAIN = r"[^?%$.\[\]{}()|&!=<>@#,*:\-+/\\\" \t\n\r\f]"
_NAME = rf"(?:{_PLAIN}|\\.)"
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\n\r\f]+|/\*.*?\*/)
    |(?P<number>(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?P<junk>{_PLAIN}*)
    |(?P<open>\$?"(?:[^"\\]|\\.)*\Z)
    |\$"(?P<quotedvar>(?:[^"\\]|\\.)*)"
    |\$(?P<var>{_NAME}+)
    |"(?P<string>(?:[^"\\]|\\.)*)"
    |(?P<sign>&&|\|\||\*\*|<=|==|<>|!=|>=|[?%$.\[\]{{}}()|&!=<>@\#,*:\-+/])
    |(?P<name>{_NAME}+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str
    shown: str


def _unescaped(text: str) -> str:
    def meant(found: re.Match[str]) -> str:
        digits = found[1] or found[2] or found[3]
        return chr(int(digits, 16)) if digits else _ESCAPED.get(found[4], found[4])

    made = _ESCAPE.sub(meant, text)
    return made.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if "\\u" in text else made


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SyntaxError42601(f'syntax error at or near "{text[at]}" of jsonpath input')
        at = match.end()
        kind = match.lastgroup or ""
        if match["number"] is not None:
            if match["junk"]:
                shown = match["number"] + match["junk"][:1]
                raise SyntaxError42601(f'trailing junk after numeric literal at or near "{shown}" of jsonpath input')
            found.append(_Token("number", numeric_of(match["number"]), match[0]))
        elif kind == "open":
            raise SyntaxError42601("unexpected end of quoted string at end of jsonpath input")
        elif kind in ("quotedvar", "var"):
            found.append(_Token("var", _unescaped(match[kind]), match[0]))
        elif kind != "space":
            found.append(_Token(kind, match[kind] if kind == "sign" else _unescaped(match[kind]), match[0]))
    return found


class _Reader:
    """A position in the tokens of one path."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0

    def fail(self) -> NoReturn:
        if self.at >= len(self.tokens):
            raise SyntaxError42601("syntax error at end of jsonpath input")
        raise SyntaxError42601(f'syntax error at or near "{self.tokens[self.at].shown}" of jsonpath input')

    def peek(self, ahead: int = 0) -> _Token:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else _Token("end", "", "")

    def sees(self, sign: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token.kind == "sign" and token.value == sign

    def says(self, word: str) -> bool:
        token = self.peek()
        return token.kind == "name" and token.value.lower() == word

    def accept(self, *signs: str) -> str:
        for sign in signs:
            if self.sees(sign):
                self.at += 1
                return sign
        return ""

    def word(self, word: str) -> bool:
        if self.says(word):
            self.at += 1
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            self.fail()

    def take(self, *kinds: str) -> _Token:
        token = self.peek()
        if token.kind not in kinds:
            self.fail()
        self.at += 1
        return token

    # -- the grammar

    def path(self) -> Path:
        strict = self.word("strict")
        if not strict:
            self.word("lax")
        step = self.either()
        if self.at < len(self.tokens):
            self.fail()
        return Path(strict, step)

    def either(self) -> Step:
        """A predicate or an expression."""
        return self._chain(self._conjunction, "||")

    def _conjunction(self) -> Step:
        return self._chain(self._predicate, "&&")

    def _chain(self, part: Callable[[], Step], sign: str) -> Step:
        left = part()
        while self.sees(sign):
            if not _is_predicate(left):
                self.fail()
            self.at += 1
            left = Step(sign, (left, self._required(part)))
        return left

    def _required(self, part: Callable[[], Step]) -> Step:
        made = part()
        if not _is_predicate(made):
            self.fail()
        return made

    def _predicate(self) -> Step:
        left = self._sum()
        compared = self.accept(*COMPARISONS)
        if compared:
            return Step(COMPARISONS[compared], (self._operand(left), self._operand(self._sum())))
        if self.says("starts"):
            self.at += 1
            if not self.word("with"):
                self.fail()
            token = self.take("string", "var")
            return Step("starts with", (self._operand(left), Step(token.kind, text=token.value)))
        if self.word("like_regex"):
            pattern = self.take("string").value
            flags = _flags(self.take("string").value) if self.word("flag") else ""
            return Step("like_regex", (self._operand(left), Step("flags", text=flags)), pattern)
        return left

    def _operand(self, step: Step) -> Step:
        """`step`, which must be no predicate."""
        if _is_predicate(step):
            self.fail()
        return step

    def _sum(self) -> Step:
        return self._arithmetic(self._product, "+", "-")

    def _product(self) -> Step:
        return self._arithmetic(self._signed, "*", "/", "%")

    def _arithmetic(self, part: Callable[[], Step], *signs: str) -> Step:
        left = part()
        while any(map(self.sees, signs)):
            self._operand(left)
            left = Step(self.accept(*signs), (left, self._operand(part())))
        return left

    def _signed(self) -> Step:
        sign = self.accept("+", "-")
        if not sign:
            return self._accessed()
        inner = self._operand(self._signed())
        if inner.kind == "number" and inner.next is None:
            return inner if sign == "+" else replace(inner, text=numeric_of(f"-{inner.text}".replace("--", "")))
        return Step("plus" if sign == "+" else "minus", (inner,))

    def _accessed(self) -> Step:
        step = self._primary()
        while (accessor := self._accessor()) is not None:
            step = step.then(accessor)
        return step

    def _primary(self) -> Step:
        token = self.peek()
        if self.accept("("):
            inner = self.either()
            self.expect(")")
            if self.says("is") and _is_predicate(inner):
                self.at += 1
                if not self.word("unknown"):
                    self.fail()
                return Step("is unknown", (inner,))
            return inner
        if self.accept("!"):
            if not (self.sees("(") or self.says("exists")):
                self.fail()
            return Step("!", (self._required(self._delimited),))
        if self.accept("$", "@"):
            return Step(token.value)
        if token.kind in ("string", "number", "var"):
            self.at += 1
            return Step(token.kind, text=token.value)
        if token.kind == "name" and token.value in ("null", "true", "false"):
            self.at += 1
            return Step(token.value)
        if self.word("last"):
            return Step("last")
        if not (self.says("exists") and self.sees("(", 1)):
            self.fail()
        return self._delimited()

    def _delimited(self) -> Step:
        """A predicate in parentheses, or EXISTS."""
        if self.word("exists"):
            self.expect("(")
            inner = self._operand(self.either())
            self.expect(")")
            return Step("exists", (inner,))
        self.expect("(")
        inner = self.either()
        self.expect(")")
        return inner

    def _accessor(self) -> Step | None:
        if self.accept("["):
            return self._subscripts()
        if self.accept("?"):
            self.expect("(")
            inner = self._required(self.either)
            self.expect(")")
            return Step("?", (inner,))
        if not self.accept("."):
            return None
        if self.accept("**"):
            return self._levels()
        if self.accept("*"):
            return Step(".*")
        token = self.take("string", "name")
        if token.kind == "name" and self.sees("("):
            word = token.value
            if word == "datetime":
                raise FeatureNotSupported("jsonpath item method .datetime() is not supported yet")
            if word not in METHODS:
                self.fail()
            self.at += 1
            self.expect(")")
            return Step("method", text=word)
        return Step("key", text=token.value)

    def _subscripts(self) -> Step:
        if self.accept("*"):
            self.expect("]")
            return Step("[*]")
        spans = []
        while True:
            first = self._operand(self._sum())
            spans.append(Step("to", (first, self._operand(self._sum())) if self.word("to") else (first,)))
            if not self.accept(","):
                break
        self.expect("]")
        return Step("[]", tuple(spans))

    def _levels(self) -> Step:
        if not self.accept("{"):
            return Step(".**", span=(0, MANY))
        first = self._level()
        last = self._level() if self.word("to") else first
        self.expect("}")
        return Step(".**", span=(first, last))

    def _level(self) -> int:
        if self.word("last"):
            return MANY
        token = self.take("number")
        if not token.shown.isdecimal():
            self.at -= 1
            self.fail()
        return int(token.value)


def _is_predicate(step: Step) -> bool:
    return step.kind in PREDICATES and step.next is None


def _flags(flags: str) -> str:
    """The flags of LIKE_REGEX in PostgreSQL's order."""
    for flag in flags:
        if flag not in "ismxq":
            raise InvalidPath(
                "invalid input syntax for type jsonpath",
                detail=f'Unrecognized flag character "{flag}" in LIKE_REGEX predicate.',
            )
    if "x" in flags and "q" not in flags:
        raise FeatureNotSupported('XQuery "x" flag (expanded regular expressions) is not implemented')
    return "".join(flag for flag in "ismxq" if flag in flags)


class InvalidPath(SyntaxError42601):
    """42601, with a detail."""


def _check(step: Step | None, depth: int, subscript: bool) -> None:
    """Raises SyntaxError42601 where @ or LAST mean nothing."""
    while step is not None:
        if step.kind == "@" and not depth:
            raise SyntaxError42601("@ is not allowed in root expressions")
        if step.kind == "last" and not subscript:
            raise SyntaxError42601("LAST is allowed only in array subscripts")
        for arg in step.args:
            _check(arg, depth + (step.kind == "?"), subscript or step.kind == "[]")
        step = step.next


@lru_cache(1024)
def path_of(text: str) -> Path:
    """The path that `text` is. Raises SyntaxError42601 or InvalidTextRepresentation."""
    if not text.strip():
        raise InvalidTextRepresentation(f'invalid input syntax for type jsonpath: "{text}"')
    path = _Reader(text).path()
    _check(path.step, 0, False)
    return path
