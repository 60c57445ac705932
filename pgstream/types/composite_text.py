"""The text form of rows: `(1,"a b",)`."""

from pgstream.errors import InvalidTextRepresentation

SPACES = " \t\n\v\f\r"


def malformed(text: str, detail: str) -> InvalidTextRepresentation:
    """The error for a row's text that breaks the syntax."""
    return InvalidTextRepresentation(f'malformed record literal: "{text}"', detail=detail)


def field_texts(text: str, count: int) -> list[str | None]:
    """The texts of the `count` fields in a row's text, None for NULL."""
    at = len(text) - len(text.lstrip(SPACES))
    if not text.startswith("(", at):
        raise malformed(text, "Missing left parenthesis.")
    at += 1
    fields: list[str | None] = []
    for place in range(count):
        if place:
            if not text.startswith(",", at):
                raise malformed(text, "Too few columns.")
            at += 1
        if text[at : at + 1] in (",", ")"):
            fields.append(None)
            continue
        field, at = _field(text, at)
        fields.append(field)
    if not text.startswith(")", at):
        raise malformed(text, "Too many columns.")
    if text[at + 1 :].strip(SPACES):
        raise malformed(text, "Junk after right parenthesis.")
    return fields


def _field(text: str, at: int) -> tuple[str, int]:
    """The field that begins at `at`, and where it ends."""
    made: list[str] = []
    inside = False
    while inside or text[at : at + 1] not in (",", ")"):
        char = text[at : at + 1]
        if not char:
            raise malformed(text, "Unexpected end of input.")
        at += 1
        if char == "\\":
            if at >= len(text):
                raise malformed(text, "Unexpected end of input.")
            made.append(text[at])
            at += 1
        elif char == '"':
            if not inside:
                inside = True
            elif text.startswith('"', at):
                made.append('"')
                at += 1
            else:
                inside = False
        else:
            made.append(char)
    return "".join(made), at
