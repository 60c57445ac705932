"""The objects of a database, and the system relations and functions that show them.

Importing this package declares all of them.
"""

from pgstream.catalog import (
    describe,
    information_schema,
    information_schema_keys,
    inspection,
    pg_activity,
    pg_description,
    pg_functions,
    pg_relations,
    pg_sequences,
    pg_server,
    pg_static,
    pg_types,
    pg_views,
    pgstream_relations,
    privileges,
    registered,
    session_functions,
    sizes,
    user_functions,
)

__all__ = [
    "describe",
    "information_schema",
    "information_schema_keys",
    "inspection",
    "pg_activity",
    "pg_description",
    "pg_functions",
    "pg_relations",
    "pg_sequences",
    "pg_server",
    "pg_static",
    "pg_types",
    "pg_views",
    "pgstream_relations",
    "privileges",
    "registered",
    "session_functions",
    "sizes",
    "user_functions",
]
