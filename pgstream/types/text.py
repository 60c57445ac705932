"""text: strings of any length, ordered by code point."""

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.string import STRING_CODECS

TEXT = declare(
    TypeDefinition(
        name="text",
        sql_name="text",
        oid=25,
        array_oid=1009,
        category="S",
        length=-1,
        preferred=True,
        toast="x",
        collation=100,
        samples=(
            "",
            "a",
            "ab",
            "b",
            "A",
            " a ",
            "NULL",
            'quo"te',
            "back\\slash",
            "comma,",
            "{brace}",
            "héé",
            "日本",
            "😀",
        ),
        **STRING_CODECS,
    )
)
