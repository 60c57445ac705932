"""Catalogs for the binder's tests, made of DDL text."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import MaterializedView, PrimaryKey, Schema, Sink, Source, Table, View
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.bind import statements as st
from pgstream.sql.parse import parse

HERE = Path(__file__).parent
ANSWERS_FILE = HERE / "answers.jsonl"
SCHEMA = (HERE / "schema.sql").read_text()


def catalog_of(ddl: str) -> Catalog:
    """The catalog after these statements."""
    catalog = Catalog.new()
    for parsed in parse(ddl):
        statement = bind(parsed, catalog, BindScope()).statement
        oid, catalog = catalog.reserve(2)
        catalog = catalog.put(_made(statement, oid))
    return catalog


def _made(made: object, oid: int) -> Schema | Table | View | MaterializedView | Source | Sink:
    match made:
        case st.CreateTable():
            key = None
            if made.primary_key:
                key = PrimaryKey(oid + 3, oid + 4, made.primary_key_name or f"{made.name}_pkey", made.primary_key)
            return Table(
                oid,
                made.schema_oid,
                made.name,
                made.columns,
                key,
                watermark=made.watermark,
                append_only=made.append_only,
            )
        case st.CreateView():
            return View(oid, made.schema_oid, made.name, made.columns, made.query, made.search_path, made.depends)
        case st.CreateMaterializedView():
            return MaterializedView(
                oid, made.schema_oid, made.name, made.columns, made.query, made.search_path, made.depends
            )
        case st.CreateSource():
            source = Source(oid, made.schema_oid, made.name, made.columns, made.options, made.format, made.encode)
            return replace(source, watermark=made.watermark)
        case st.CreateSink():
            return Sink(oid, made.schema_oid, made.name, made.columns, made.options, made.format, made.encode)
        case st.CreateSchema():
            return Schema(oid, made.name)
    raise AssertionError(made)


def lines(name: str) -> list[str]:
    """The statements of a file, one a line, comments left out."""
    text = (HERE / name).read_text()
    return [line for line in text.splitlines() if line.strip() and not line.startswith("--")]


def answers() -> dict[str, Any]:
    """What PostgreSQL 15 answers to each statement: [columns, parameters] or [SQLSTATE, message, position, hint]."""
    if not ANSWERS_FILE.exists():
        return {}
    return dict(json.loads(line) for line in ANSWERS_FILE.read_text().splitlines())
