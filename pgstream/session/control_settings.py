"""SET, RESET, SHOW and DISCARD."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pgstream.catalog.parameters import parameters
from pgstream.delta import Column
from pgstream.errors import ActiveSqlTransaction, InvalidDatetimeFormat, InvalidParameterValue
from pgstream.plan.expressions import Col
from pgstream.session.prepared import Answer, Prepared
from pgstream.session.report import warning
from pgstream.session.running import runs
from pgstream.session.session import Session
from pgstream.session.settings import known_name, offset_zone
from pgstream.sql.parse import ast, enums
from pgstream.types.definition import SqlType

_TEXT = SqlType("text")
_QUOTED_LISTS = frozenset({"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"})
_LISTS = _QUOTED_LISTS | {"datestyle"}
_KIND = enums.VariableSetKind


def transaction_option(element: Any) -> tuple[str, str]:
    """An option of BEGIN or SET TRANSACTION as a parameter and its value."""
    value = element.arg.val
    text = value.sval if hasattr(value, "sval") else ("on" if value.ival else "off")
    return element.defname, text


@runs(ast.VariableSetStmt)
def set_variable(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    assert prepared.parsed is not None
    node = prepared.parsed.node
    kind = _KIND(node.kind)
    if kind is _KIND.VAR_RESET_ALL:
        session.settings.reset_all()
        return Answer("RESET")
    if kind is _KIND.VAR_SET_MULTI:
        return _set_several(session, node)
    if node.is_local and not session.block.explicit:
        session.tell(warning("25P01", "SET LOCAL can only be used in transaction blocks"))
    local = bool(node.is_local)
    if kind is _KIND.VAR_SET_VALUE:
        value: str | None = _value(node.name, node.args or ())
    elif kind is _KIND.VAR_SET_CURRENT:
        value = session.settings.show(node.name)
    else:
        value = None
    _assign(session, node.name, value, local)
    return Answer("RESET" if kind is _KIND.VAR_RESET else "SET")


def _assign(session: Session, name: str, value: str | None, local: bool) -> None:
    """SET LOCAL outside a transaction only checks the value."""
    if local and not session.block.explicit:
        session.settings.canonical(name, value)
    else:
        session.settings.assign(name, value, local)


def _set_several(session: Session, node: Any) -> Answer:
    """SET TRANSACTION and SET SESSION CHARACTERISTICS AS TRANSACTION."""
    of_session = node.name == "SESSION CHARACTERISTICS"
    if not of_session and not session.block.explicit:
        session.tell(warning("25P01", "SET TRANSACTION can only be used in transaction blocks"))
        return Answer("SET")
    for element in node.args or ():
        if node.name == "TRANSACTION SNAPSHOT":
            break
        name, value = transaction_option(element)
        session.settings.assign(f"default_{name}" if of_session else name, value, not of_session)
    return Answer("SET")


def _value(name: str, arguments: Sequence[Any]) -> str:
    """What stands right of SET's equals sign as one text."""
    key = known_name(name).lower()
    texts = [_argument(argument) for argument in arguments]
    if key in _QUOTED_LISTS:
        return ", ".join(quoted_identifier(text) for text in texts)
    if len(texts) > 1 and key not in _LISTS:
        raise InvalidParameterValue(f"SET {name} takes only one argument")
    return ", ".join(texts)


def _argument(argument: Any) -> str:
    if isinstance(argument, ast.TypeCast):
        return _zone_of_interval(argument)
    value = argument.val
    if isinstance(value, ast.Integer):
        text = str(value.ival or 0)
    elif isinstance(value, ast.Float):
        text = str(value.fval)
    elif isinstance(value, ast.Boolean):
        text = "on" if value.boolval else "off"
    else:
        text = str(value.sval)
    return text


def _zone_of_interval(argument: Any) -> str:
    """`SET TIME ZONE INTERVAL '+01:00' HOUR TO MINUTE`."""
    text = str(argument.arg.val.sval)
    sign = -1 if text.strip().startswith("-") else 1
    try:
        hours, _, minutes = text.strip().lstrip("+-").partition(":")
        seconds = sign * (int(hours) * 3600 + int(minutes or 0) * 60)
    except ValueError:
        raise InvalidDatetimeFormat(f'invalid input syntax for type interval: "{text}"') from None
    return offset_zone(seconds)


def quoted_identifier(name: str) -> str:
    """`name` as SQL must write it."""
    plain = name != "" and name.replace("_", "a").isalnum() and name.islower() and not name[0].isdigit()
    return name if plain else '"' + name.replace('"', '""') + '"'


def _shown_name(name: str) -> str:
    known = parameters().get(known_name(name).lower())
    return name if known is None else known.name


def _show_columns(session: Session, node: Any) -> tuple[Col, ...]:
    if node.name == "all":
        return tuple(Col(i, name, _TEXT) for i, name in enumerate(("name", "setting", "description")))
    session.settings.show(node.name)
    return (Col(0, _shown_name(node.name), _TEXT),)


@runs(ast.VariableShowStmt, columns=_show_columns)
def show(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    assert prepared.parsed is not None
    node = prepared.parsed.node
    columns = _show_columns(session, node)
    if node.name != "all":
        return Answer("SHOW", columns, (pa.array([session.settings.show(node.name)], pa.string()),), 1)
    known = list(parameters().values())
    rows = (
        pa.array([line.name for line in known], pa.string()),
        pa.array([session.settings.current[line.name.lower()] for line in known], pa.string()),
        pa.array([line.description for line in known], pa.string()),
    )
    return Answer("SHOW", columns, rows, len(known))


@runs(ast.DiscardStmt)
def discard(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    assert prepared.parsed is not None
    mode = enums.DiscardMode(prepared.parsed.node.target)
    if mode is enums.DiscardMode.DISCARD_ALL:
        if session.block.explicit:
            raise ActiveSqlTransaction("DISCARD ALL cannot run inside a transaction block")
        session.forget_everything()
    elif mode is enums.DiscardMode.DISCARD_SEQUENCES:
        session.facts.given.clear()
    elif mode is enums.DiscardMode.DISCARD_PLANS:
        session.plans.clear()
    return Answer(f"DISCARD {mode.name.removeprefix('DISCARD_')}")
