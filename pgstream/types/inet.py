"""inet: an address of a host, perhaps with the network it is in."""

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.network import address_codecs, address_of, address_text

INET = declare(
    TypeDefinition(
        name="inet",
        sql_name="inet",
        oid=869,
        array_oid=1041,
        preferred=True,
        samples=(
            "10.1.2.3",
            "10.1.2.3/24",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "::1",
            "2001:db8::ff00:42:8329/64",
            "::ffff:1.2.3.4",
            "255.255.255.255",
        ),
        **address_codecs("inet", address_of, address_text),
    )
)
