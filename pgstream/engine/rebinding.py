"""Statements bound before the catalog changed, bound again."""

from dataclasses import replace

from pgstream.catalog.names import search_path
from pgstream.catalog.pg_server import session_of
from pgstream.engine.head import Head
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import BindScope, Bound, bind
from pgstream.sql.parse import Parsed


def scope_of(context: EvalContext) -> BindScope:
    """What of a session binding depends on, from what expressions see of it."""
    session = session_of(context)
    return BindScope(search_path(context), context.settings, session.user, session.database, context.now_us)


def rebound(parsed: Parsed, bound: Bound, head: Head, context: EvalContext) -> Bound:
    """`bound`, bound again if the catalog has changed since."""
    if bound.catalog_version == head.catalog.version:
        return bound
    return bind(parsed, head.catalog, scope_of(replace(context, catalog=head.catalog)), bound.parameters)
