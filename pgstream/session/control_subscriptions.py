"""DECLARE SUBSCRIPTION CURSOR, which reads what a subscription remembers and what comes, as RisingWave does; LISTEN."""

from typing import Any

from pgstream.catalog.objects import MaterializedView, Subscription, Table
from pgstream.delta import Column
from pgstream.engine.remembering import remembered_since
from pgstream.engine.watching import Watch
from pgstream.errors import DuplicateCursor, InvalidParameterValue, UndefinedObject
from pgstream.plan.expressions import Col
from pgstream.session.changes import Teller
from pgstream.session.feed import Bounds, Feed
from pgstream.session.herald import Herald
from pgstream.session.prepared import Answer, Cursor, Prepared
from pgstream.session.running import prepare, runs, scope_of
from pgstream.session.session import Session
from pgstream.session.subscribing import begin, watched
from pgstream.sql.bind.statements import ChangeShape, Subscribe
from pgstream.sql.parse import Parsed, ast
from pgstream.sql.streaming import DeclareSubscriptionCursorStmt, SubscribeStmt
from pgstream.types.definition import SqlType


@runs(DeclareSubscriptionCursorStmt)
async def declare_subscription_cursor(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    """The cursor outlives transactions, and FETCH does not wait unless it is told to."""
    parsed = prepared.parsed
    assert parsed is not None
    node = parsed.node
    if node.name in session.cursors:
        raise DuplicateCursor(f'cursor "{node.name}" already exists')
    subscription = _subscription(session, node)
    catalog = session.block.reader().snapshot().catalog
    reading = subscription_to(session, parsed, catalog.objects[subscription.relation_oid], node.subscription.location)
    watch = await watched(session, reading, session.own_context())
    plan = reading.bound.statement.plan
    relation = watch.head.catalog.objects[subscription.relation_oid]
    assert isinstance(relation, Table | MaterializedView)
    teller = Teller(tuple(col.type for col in plan.columns), ChangeShape("ops", key=_key(relation)))
    bounds = Bounds(_since(watch, subscription, node))
    feed = Feed(session, watch, teller, bounds, patience_s=0.0)
    await begin(session, feed, watch, teller, bounds, node.since == "full")
    columns = (*plan.columns, Col(0, "op", SqlType("varchar")), Col(0, "rw_timestamp", SqlType("int8")))
    cursor = Cursor(node.name, Answer("SELECT", columns, counted=True, feed=feed), parsed.text, True, False)
    cursor.created_us, cursor.settled = session.now_us, True
    session.cursors[node.name] = cursor
    return Answer("DECLARE CURSOR")


@runs(ast.ListenStmt)
async def listen(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    """LISTEN. A channel with the name of a materialized view is told when that changes."""
    parsed = prepared.parsed
    assert parsed is not None
    name, channels = parsed.node.conditionname, session.channels
    channels.listen(session, name)
    view = session.database.autocommit.snapshot().catalog.lookup(None, name, scope_of(session).search_path)
    if isinstance(view, MaterializedView) and not channels.heralded(name):
        reading = subscription_to(session, parsed, view, parsed.start)
        watch = await watched(session, reading, session.own_context())
        database, oid = session.database, watch.relation_oid
        fanout = session.services.fanouts.of(watch.channel)
        channels.herald(name, Herald(name, channels, fanout, watch, lambda: database.autocommit.unwatch(oid)))
    return Answer("LISTEN")


def _subscription(session: Session, node: DeclareSubscriptionCursorStmt) -> Subscription:
    catalog = session.block.reader().snapshot().catalog
    named = node.subscription
    found = catalog.lookup(named.schemaname, named.relname, scope_of(session).search_path)
    if not isinstance(found, Subscription):
        raise UndefinedObject(f'subscription "{named.relname}" does not exist', position=named.location)
    return found


def subscription_to(session: Session, parsed: Parsed, relation: Any, place: int) -> Prepared:
    """SUBSCRIBE to a relation that `parsed` asks for."""
    catalog = session.block.reader().snapshot().catalog
    schema = catalog.schema_name(relation.schema_oid)
    named = ast.RangeVar(schemaname=schema, relname=relation.name, inh=True, location=place)
    subscribe = Parsed(SubscribeStmt(place, relation=named), parsed.text, parsed.start, parsed.whole)
    made = prepare(session, subscribe, made_up=True)
    assert isinstance(made.bound.statement, Subscribe)
    return made


def _key(relation: Table | MaterializedView) -> tuple[int, ...]:
    if isinstance(relation, MaterializedView):
        return relation.unique_key or ()
    return () if relation.primary_key is None else relation.primary_key.columns


def _since(watch: Watch, subscription: Subscription, node: DeclareSubscriptionCursorStmt) -> int:
    """The time after which the cursor reads. Raises InvalidParameterValue where that is not remembered."""
    head = watch.head
    since = remembered_since(head, subscription)
    match node.since:
        case "begin":
            return since
        case int(first_ms):
            if not since < first_ms <= max(head.time_ms, watch.channel.read(head.time_ms).until_ms) + 1:
                raise InvalidParameterValue(
                    f'the time {first_ms} is not within what subscription "{subscription.name}" remembers',
                    detail=f"It remembers changes since {since + 1}.",
                    position=node.position,
                )
            return first_ms - 1
    return head.time_ms
