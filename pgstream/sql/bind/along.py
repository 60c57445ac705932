"""Which statements may have WITH queries that change something."""

from dataclasses import replace
from typing import Any

from pgstream.errors import FeatureNotSupported
from pgstream.sql.bind import statements as bound
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command
from pgstream.sql.bind.merging import Merge
from pgstream.sql.bind.modifying import Modifying


def with_along(binding: Binding, command: Command) -> Any:
    """The statement together with what its WITH queries change. Raises FeatureNotSupported where they must not."""
    statement = command.statement
    if not binding.along:
        return statement
    match statement:
        case bound.Explain():
            inner = replace(command, statement=statement.statement)
            return replace(statement, statement=with_along(binding, inner))
        case bound.Query() | bound.Insert() | bound.Update() | bound.Delete() | Merge():
            return Modifying(tuple(binding.along), statement, command.columns)
        case bound.CreateTableAs():
            return replace(statement, along=tuple(binding.along))
        case bound.CreateView():
            raise FeatureNotSupported("views must not contain data-modifying statements in WITH")
        case bound.CreateMaterializedView():
            raise FeatureNotSupported("materialized views must not use data-modifying statements in WITH")
    raise FeatureNotSupported(f"data-modifying statements in WITH are not supported in {command.tag} yet")
