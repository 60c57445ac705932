"""Paths of SQL/JSON, written as PostgreSQL writes them."""

from json.encoder import encode_basestring as quoted

from pgstream.types.jsonpath_text import INFIX, MANY, PRIORITY, Path, Step


def shown(path: Path) -> str:
    """The text of a path."""
    return ("strict " if path.strict else "") + _shown(path.step, False, True)


def _shown(step: Step, inside: bool, brackets: bool) -> str:
    """`step` and what is behind it; `inside` a chain of steps, or with `brackets` around an operator."""
    text = _operation(step, brackets) if step.kind in PRIORITY or step.kind == "like_regex" else _plain(step, inside)
    return text if step.next is None else text + _shown(step.next, True, True)


def _priority(step: Step) -> int:
    return PRIORITY.get(step.kind, 6)


def _operation(step: Step, brackets: bool) -> str:
    args = [_shown(arg, False, _priority(arg) <= _priority(step)) for arg in step.args]
    if step.kind in INFIX:
        text = f"{args[0]} {step.kind} {args[1]}"
    elif step.kind == "like_regex":
        flags = step.args[1].text
        text = f"{args[0]} like_regex {quoted(step.text)}"
        text += f' flag "{flags}"' if flags else ""
    else:
        text = ("+" if step.kind == "plus" else "-") + args[0]
    return f"({text})" if brackets else text


def _plain(step: Step, inside: bool) -> str:
    dot = "." if inside else ""
    args = [_shown(arg, False, False) for arg in step.args] if step.kind != "[]" else []
    match step.kind:
        case "key":
            return dot + quoted(step.text)
        case "string":
            return quoted(step.text)
        case "var":
            return "$" + quoted(step.text)
        case "number":
            return step.text if step.next is None else f"({step.text})"
        case "method":
            return f".{step.text}()"
        case "?":
            return f"?({args[0]})"
        case "!":
            return f"!({args[0]})"
        case "is unknown":
            return f"({args[0]}) is unknown"
        case "exists":
            return f"exists ({args[0]})"
        case "[]":
            spans = [" to ".join(_shown(end, False, False) for end in span.args) for span in step.args]
            return f"[{','.join(spans)}]"
        case ".*":
            return f"{dot}*"
        case ".**":
            return dot + _levels(*step.span)
    return step.kind


def _levels(first: int, last: int) -> str:
    if (first, last) == (0, MANY):
        return "**"
    ends = ["last" if end == MANY else str(end) for end in (first, last)]
    return f"**{{{ends[0]}}}" if first == last else f"**{{{ends[0]} to {ends[1]}}}"
