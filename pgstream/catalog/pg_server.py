"""What pg_catalog says of the server itself: namespaces, databases, roles, access methods, settings, activity."""

from collections.abc import Iterator
from typing import cast

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import SUPERUSER, Subscription
from pgstream.catalog.session_facts import NOBODY, SessionFacts
from pgstream.catalog.system import Row, rows_of
from pgstream.functions.registry import EvalContext

UTF8 = 6
PG_DEFAULT = 1663


def session_of(context: EvalContext) -> SessionFacts:
    """The session an expression runs for."""
    return cast(SessionFacts, context.session or NOBODY)


@rows_of("pg_catalog", "pg_namespace")
def pg_namespace(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for thing in catalog.schemas():
        yield {"oid": thing.oid, "nspname": thing.name, "nspowner": SUPERUSER}


@rows_of("pg_catalog", "pg_am")
def pg_am(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    yield {"oid": 2, "amname": "heap", "amtype": "t"}
    yield {"oid": 403, "amname": "btree", "amtype": "i"}


@rows_of("pg_catalog", "pg_language")
def pg_language(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for oid, name in ((12, "internal"), (13, "c"), (14, "sql")):
        yield {"oid": oid, "lanname": name, "lanowner": SUPERUSER, "lanpltrusted": name == "sql"}


def collation_oids() -> dict[str, int]:
    """The collations, which all compare bytes."""
    return {"default": 100, "C": 950, "POSIX": 951}


@rows_of("pg_catalog", "pg_collation")
def pg_collation(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for name, oid in collation_oids().items():
        provider = "d" if name == "default" else "c"
        yield {
            "oid": oid,
            "collname": name,
            "collnamespace": 11,
            "collowner": SUPERUSER,
            "collprovider": provider,
            "collisdeterministic": True,
            "collencoding": -1,
            "collcollate": None if provider == "d" else name,
            "collctype": None if provider == "d" else name,
        }


@rows_of("pg_catalog", "pg_tablespace")
def pg_tablespace(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for oid, name in ((PG_DEFAULT, "pg_default"), (1664, "pg_global")):
        yield {"oid": oid, "spcname": name, "spcowner": SUPERUSER}


def database_oids(session: SessionFacts) -> dict[str, int]:
    """The databases of the server by name."""
    names = (session.database,) if session.databases is None else session.databases()
    return {name: 5 if name == "postgres" else 16000 + number for number, name in enumerate(names)}


@rows_of("pg_catalog", "pg_database", per_session=True)
def pg_database(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for name, oid in database_oids(session_of(context)).items():
        yield {
            "oid": oid,
            "datname": name,
            "datdba": SUPERUSER,
            "encoding": UTF8,
            "datlocprovider": "c",
            "datallowconn": True,
            "datconnlimit": -1,
            "dattablespace": PG_DEFAULT,
            "datcollate": "C",
            "datctype": "C",
        }


@rows_of("pg_catalog", "pg_subscription", per_session=True)
def pg_subscription(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Our subscriptions, as `\\dRs` asks for them: what each follows stands where PostgreSQL names publications."""
    session = session_of(context)
    for oid in sorted(catalog.subscription_oids):
        one = catalog.objects[oid]
        assert isinstance(one, Subscription)
        yield {
            "oid": oid,
            "subdbid": database_oids(session)[session.database],
            "subskiplsn": "0/0",
            "subname": one.name,
            "subowner": SUPERUSER,
            "subenabled": True,
            "subbinary": False,
            "substream": False,
            "subtwophasestate": "d",
            "subdisableonerr": False,
            "subconninfo": "",
            "subsynccommit": "off",
            "subpublications": [catalog.objects[one.relation_oid].name],
        }


def role_oids(user: str) -> dict[str, int]:
    """The roles that a session of `user` knows: the superuser `postgres`, and `user` beside it."""
    return {"postgres": SUPERUSER} | ({} if user == "postgres" else {user: SUPERUSER + 1})


@rows_of("pg_catalog", "pg_roles", per_session=True)
def pg_roles(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """The superuser `postgres`, and the session's own user beside it."""
    for name, oid in role_oids(session_of(context).user).items():
        powers = ("rolsuper", "rolinherit", "rolcreaterole", "rolcreatedb", "rolcanlogin", "rolreplication")
        yield {
            "oid": oid,
            "rolname": name,
            **dict.fromkeys((*powers, "rolbypassrls"), True),
            "rolconnlimit": -1,
            "rolpassword": "********",
        }


@rows_of("pg_catalog", "pg_authid", per_session=True)
def pg_authid(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    for row in pg_roles(catalog, context):
        yield {**row, "rolpassword": None}


def _users(context: EvalContext) -> Iterator[Row]:
    for name, oid in role_oids(session_of(context).user).items():
        powers = dict.fromkeys(("usecreatedb", "usesuper", "userepl", "usebypassrls"), True)
        yield {"usename": name, "usesysid": oid, **powers, "passwd": "********"}


@rows_of("pg_catalog", "pg_user", per_session=True)
def pg_user(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    yield from _users(context)


@rows_of("pg_catalog", "pg_shadow", per_session=True)
def pg_shadow(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    return ({**row, "passwd": None} for row in _users(context))
