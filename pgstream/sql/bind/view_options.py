"""Options of materialized views that say how long they keep what they hold."""

from collections.abc import Iterable
from dataclasses import replace

from pgstream.errors import InvalidParameterValue
from pgstream.plan.terms import Terms
from pgstream.sql.streaming.emission import span_us

RETENTION, IDLE = "retention", "state_ttl"
TTL_SETTING = "updating_ttl"
"""Arroyo's setting for queries that say nothing of it themselves."""

SPELLED = {RETENTION: RETENTION, IDLE: IDLE, TTL_SETTING: IDLE}
"""The option that each spelling means."""

Options = tuple[tuple[str, str], ...]


def keeping_options(given: Iterable[tuple[str, str, int | None]], ttl: str = "") -> Options:
    """Those among `given` options, with their positions, that say how long something is kept. `ttl` is the setting for
    views that say nothing of it; empty: none."""
    found: dict[str, str] = {}
    for name, value, position in given:
        option = SPELLED.get(name)
        if option is None:
            continue
        if option in found:
            raise InvalidParameterValue(f'option "{option}" specified more than once', position=position)
        span_us(value, position)
        found[option] = value
    if ttl and IDLE not in found:
        found[IDLE] = ttl
    return tuple(sorted(found.items()))


def with_options(terms: Terms, options: Options) -> Terms:
    """`terms` with what the options of a view say."""
    spans = {name: span_us(value, None) for name, value in options}
    return replace(terms, retention_us=spans.get(RETENTION), idle_us=spans.get(IDLE))
