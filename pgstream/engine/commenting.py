"""Comments as definitions make them."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Comment
from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.sql.bind.statements import CommentOn


def commented(head: Head, statement: CommentOn, new_oids: Callable[[int], int]) -> Draft:
    """`head` with a comment, in the place of the one that was there."""
    catalog = head.catalog
    name = f"comment {statement.object_oid} {statement.column}"
    old = [one.oid for one in comments_on(catalog, statement.whole_oid) if one.name == name]
    catalog = catalog.drop(old) if old else catalog
    if statement.text is not None:
        whole = catalog.objects[statement.whole_oid]
        schema = getattr(whole, "schema_oid", whole.oid)
        oid = old[0] if old else new_oids(1)
        catalog = catalog.put(
            Comment(
                oid, schema, name, statement.object_oid, statement.whole_oid, statement.class_oid, statement.text,
                statement.column,
            )
        )  # fmt: skip
    return Draft(replace(head, catalog=catalog), Outcome("COMMENT"))


def comments_on(catalog: Catalog, oid: int) -> list[Comment]:
    """The comments on an object and its parts."""
    return [part for part in catalog.belonging(oid) if isinstance(part, Comment)]


def uncommented(catalog: Catalog, oid: int, columns: Iterable[str]) -> set[int]:
    """The comments on these columns of a relation, which go with them."""
    gone = set(columns)
    return {one.oid for one in comments_on(catalog, oid) if one.column in gone}


def renamed_column(catalog: Catalog, oid: int, old: str, new: str) -> Catalog:
    """The catalog in which the comment on a column is on it under its new name."""
    for one in comments_on(catalog, oid):
        if one.column == old:
            name = f"comment {one.object_oid} {new}"
            catalog = catalog.put(replace(one, name=name, column=new))
    return catalog
