"""The catalogs' own types that are only ever text here: tid, pg_node_tree, aclitem."""

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.string import STRING_CODECS

TID = declare(
    TypeDefinition(
        name="tid",
        sql_name="tid",
        oid=27,
        array_oid=1010,
        category="U",
        length=6,
        align="s",
        samples=("(0,1)", "(12,34)"),
        **STRING_CODECS,
    )
)
PG_NODE_TREE = declare(
    TypeDefinition(
        name="pg_node_tree",
        sql_name="pg_node_tree",
        oid=194,
        array_oid=0,
        category="Z",
        length=-1,
        toast="x",
        collation=100,
        samples=("{CONST}",),
        **STRING_CODECS,
    )
)
ACLITEM = declare(
    TypeDefinition(
        name="aclitem",
        sql_name="aclitem",
        oid=1033,
        array_oid=1034,
        category="U",
        length=12,
        samples=("postgres=arwdDxt/postgres",),
        **STRING_CODECS,
    )
)
