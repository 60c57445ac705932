"""cidr: a network. Its address has no bits beyond those that name it."""

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.network import address_codecs, network_of, whole_text

CIDR = declare(
    TypeDefinition(
        name="cidr",
        sql_name="cidr",
        oid=650,
        array_oid=651,
        samples=("10.1.2.3", "10.1.2.0/24", "10", "192.168.1", "0.0.0.0/0", "::/0", "2001:db8::/32"),
        **address_codecs("cidr", network_of, whole_text),
    )
)
