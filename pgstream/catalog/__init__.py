"""The objects of a database, and the system relations and functions that show them.

Importing this package declares all of them.
"""

from pgstream.catalog import (
    describe,
    information_schema,
    pg_functions,
    pg_relations,
    pg_server,
    pg_views,
    registered,
)

__all__ = ["describe", "information_schema", "pg_functions", "pg_relations", "pg_server", "pg_views", "registered"]
