"""CREATE FUNCTION, and DROP and ALTER of functions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import Argument, Relation, SqlFunction, TableColumn
from pgstream.catalog.system import SystemRelation
from pgstream.errors import (
    AmbiguousFunction,
    DatatypeMismatch,
    DependentObjectsStillExist,
    DuplicateFunction,
    FeatureNotSupported,
    InvalidFunctionDefinition,
    SqlError,
    SyntaxError42601,
    UndefinedFunction,
    UndefinedObject,
)
from pgstream.functions.registry import FUNCTIONS
from pgstream.plan.expressions import Col, Ref
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.creation import creation_schema
from pgstream.sql.bind.inlining import BodyBinding, body_query, output_columns, statement_of
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.statements import CreateFunction, Drop, Nothing, Rename, SetSchema
from pgstream.sql.bind.stored import bind_default_node, default_text
from pgstream.sql.bind.types import type_of
from pgstream.sql.parse import Parsed, ast, deparse, enums
from pgstream.types.definition import SqlType

Node = Any
Mode = enums.FunctionParameterMode
_MODES = {
    Mode.FUNC_PARAM_IN: "i",
    Mode.FUNC_PARAM_DEFAULT: "i",
    Mode.FUNC_PARAM_OUT: "o",
    Mode.FUNC_PARAM_INOUT: "b",
    Mode.FUNC_PARAM_TABLE: "t",
    Mode.FUNC_PARAM_VARIADIC: "v",
}
RECORD, VOID = SqlType("record"), SqlType("void")


@binds_statement(ast.CreateFunctionStmt)
def bind_create_function(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE [OR REPLACE] FUNCTION … LANGUAGE sql."""
    if node.is_procedure:
        raise FeatureNotSupported("CREATE PROCEDURE is not supported yet", position=parsed.start)
    names = [part.sval for part in node.funcname]
    relation = ast.RangeVar(schemaname=names[-2] if len(names) > 1 else None, relname=names[-1], location=parsed.start)
    schema = creation_schema(binding, relation)
    options = _options(node)
    arguments = tuple(_argument(binding, each) for each in node.parameters or ())
    made = SqlFunction(
        0, schema.oid, "", names[-1], arguments, VOID, _body(node, options), binding.search_path,
        atomic=node.sql_body is not None, **_traits(options),
    )  # fmt: skip
    made = _returning(binding, made, node)
    made = replace(made, name=f"{made.routine}({_listed(made.inputs)})", rows=made.rows or 1000.0 * made.returns_set)
    old = _old(binding, schema.name, made)
    if old is not None:
        _check_replacement(node, old, made)
        made = replace(made, oid=old.oid)
    made = _checked(binding, made, parsed)
    return Command(CreateFunction(made), "CREATE FUNCTION")


def _options(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in node.options or ():
        if option.defname in found:
            raise SyntaxError42601("conflicting or redundant options", position=option.location)
        found[option.defname] = option.arg
    language = found["language"].sval if "language" in found else "sql" if node.sql_body is not None else None
    if language is None:
        raise InvalidFunctionDefinition("no language specified")
    if language.lower() != "sql":
        if language.lower() in ("plpgsql", "c", "internal", "python", "plpython3u", "java", "rust", "javascript"):
            raise FeatureNotSupported(f"functions in language {language} are not supported yet")
        raise UndefinedObject(f'language "{language}" does not exist')
    return found


def _traits(options: dict[str, Any]) -> dict[str, Any]:
    """What the options say of a function beside its body."""
    made: dict[str, Any] = {}
    if "volatility" in options:
        made["volatility"] = options["volatility"].sval[0]
    if "parallel" in options:
        made["parallel"] = options["parallel"].sval[0]
    for option, field in (("strict", "strict"), ("leakproof", "leakproof"), ("security", "definer")):
        if option in options:
            made[field] = bool(options[option].boolval)
    for option in ("cost", "rows"):
        if option in options:
            value = options[option]
            made[option] = float(value.ival if isinstance(value, ast.Integer) else value.fval)
    return made


def _body(node: Node, options: dict[str, Any]) -> str:
    if node.sql_body is not None:
        if isinstance(node.sql_body, ast.ReturnStmt):
            return f"SELECT {deparse(node.sql_body.returnval)}"
        statements = [each for some in node.sql_body for each in (some if isinstance(some, tuple) else (some,))]
        return "; ".join(deparse(each) for each in statements)
    if "as" not in options:
        raise InvalidFunctionDefinition("no function body specified")
    texts = options["as"]
    if len(texts) > 1:
        raise InvalidFunctionDefinition('only one AS item needed for language "sql"')
    return str(texts[0].sval)


def _argument(binding: Binding, node: Node) -> Argument:
    type = unpointed_type(binding, node.argType)
    mode = _MODES[node.mode]
    if mode == "v":
        raise FeatureNotSupported("VARIADIC parameters are not supported yet", position=node.argType.location)
    default = None
    if node.defexpr is not None:
        bound = bind_default_node(binding, node.defexpr)
        if coerce(binding, bound, type, "a") is None:
            raise DatatypeMismatch(
                f"argument of DEFAULT must be type {type.bare()}, not type {bound.type.bare()}",
                position=binding.position(bound),
            )
        column = TableColumn(node.name or "", type.bare())
        default = default_text(binding, node.defexpr, bound, column) or f"NULL::{type.bare()}"
    return Argument(node.name or "", type.bare(), mode, default)


def unpointed_type(binding: Binding, node: Node) -> SqlType:
    """A type as a definition names it, where errors point at nothing."""
    try:
        return type_of(binding, node)
    except SqlError as error:
        error.position = None
        raise


def _returning(binding: Binding, made: SqlFunction, node: Node) -> SqlFunction:
    """`made` with what its RETURNS clause, or its OUT parameters, say of the result."""
    outs = tuple(each for each in made.arguments if each.mode in "obt")
    spelled = node.returnType
    returns_set = spelled is not None and bool(spelled.setof)
    if outs and not (len(outs) == 1 and outs[0].mode != "t"):
        return replace(made, type=RECORD, columns=outs, returns_set=returns_set)
    if outs and outs[0].mode == "t":
        return replace(made, type=outs[0].type, columns=outs, returns_set=True)
    if spelled is None:
        if not outs:
            raise InvalidFunctionDefinition("function result type must be specified")
        return replace(made, type=outs[0].type)
    names = [part.sval for part in spelled.names]
    found = binding.catalog.lookup(names[-2] if len(names) > 1 else None, names[-1], binding.search_path)
    if isinstance(found, Relation | SystemRelation) and names[0] != "pg_catalog":
        columns = tuple(Argument(column.name, column.type, "o") for column in found.columns)
        return replace(
            made, type=RECORD, columns=columns, returns_set=returns_set, returns=names[-1],
            depends=made.depends | {found.oid},
        )  # fmt: skip
    type = unpointed_type(binding, spelled)
    if type.name == "record":
        raise FeatureNotSupported("functions that return any record are not supported yet", position=spelled.location)
    return replace(made, type=type.bare(), returns_set=returns_set)


def _listed(arguments: Sequence[Argument]) -> str:
    return ",".join(str(each.type) for each in arguments)


def _old(binding: Binding, schema: str, made: SqlFunction) -> SqlFunction | None:
    """The function of the same name and arguments."""
    types = [each.type for each in made.inputs]
    for each in binding.catalog.functions(schema, made.routine):
        if [one.type for one in each.inputs] == types:
            return each
    return None


def _check_replacement(node: Node, old: SqlFunction, made: SqlFunction) -> None:
    if not node.replace:
        raise DuplicateFunction(f'function "{made.routine}" already exists with same argument types')
    hint = f"Use DROP FUNCTION {made.name} first."
    if (old.type, old.returns_set) != (made.type, made.returns_set) or bool(old.columns) != bool(made.columns):
        raise InvalidFunctionDefinition("cannot change return type of existing function", hint=hint)
    if [(c.name, c.type) for c in old.columns] != [(c.name, c.type) for c in made.columns]:
        raise InvalidFunctionDefinition(
            "cannot change return type of existing function",
            detail="Row type defined by OUT parameters is different.",
            hint=hint,
        )
    for before, after in zip(old.inputs, made.inputs, strict=True):
        if before.name and before.name != after.name:
            raise InvalidFunctionDefinition(f'cannot change name of input parameter "{before.name}"', hint=hint)
        if before.default is not None and after.default is None:
            raise InvalidFunctionDefinition("cannot remove parameter defaults from existing function", hint=hint)


_ITSELF = -1
"""The OID of a function while its own body is looked at."""


def _checked(binding: Binding, made: SqlFunction, parsed: Parsed) -> SqlFunction:
    """`made` with what its body reads. Raises what is wrong with the body, pointing at it in the statement."""
    if made.type == VOID:
        raise FeatureNotSupported("SQL functions that return nothing are not supported yet")
    start = parsed.whole.find(made.body, parsed.start)
    try:
        body = statement_of(made.body)
        args = [Ref(Col(-1 - i, each.name, each.type)) for i, each in enumerate(made.inputs)]
        itself = replace(made, oid=made.oid or _ITSELF)
        inner = BodyBinding(binding, itself, args, body)
        inner.depends, inner.catalog = set(), binding.catalog.put(itself)
        columns = visible(body_query(inner, made)).columns
    except SqlError as error:
        error.position = None if error.position is None or start < 0 or made.atomic else start + error.position
        raise
    _check_columns(inner, made, columns)
    return replace(made, depends=made.depends | frozenset(inner.depends)) if made.atomic else made


def _check_columns(binding: Binding, made: SqlFunction, columns: tuple[Col, ...]) -> None:
    wanted = output_columns(made)
    message = f"return type mismatch in function declared to return {_declared(made)}"
    context = f'SQL function "{made.routine}"'
    detail = None
    if len(columns) != len(wanted):
        few = "few" if len(columns) < len(wanted) else "many"
        detail = f"Final statement returns too {few} columns."
        if not made.columns:
            detail = "Final statement must return exactly one column."
    else:
        for number, (col, want) in enumerate(zip(columns, wanted, strict=True), 1):
            if coerce(binding, Ref(col), want.type, "a") is None and col.type.name != "unknown":
                detail = f"Actual return type is {col.type.bare()}."
                if made.columns:
                    detail = f"Final statement returns {col.type.bare()} instead of {want.type} at column {number}."
                break
    if detail is not None:
        error = InvalidFunctionDefinition(message, detail=detail)
        error.context = context
        raise error


def _declared(made: SqlFunction) -> str:
    return made.returns or str(made.type)


# DROP and ALTER -----------------------------------------------------------------------------------------------


def found_function(binding: Binding, node: Node, missing_ok: bool, missing: list[str]) -> SqlFunction | None:
    """The function that an ObjectWithArgs names; None, with a notice noted, where IF EXISTS skips it."""
    names = [part.sval for part in node.objname]
    path = (names[-2],) if len(names) > 1 else binding.search_path
    some = [each for schema in path for each in binding.catalog.functions(schema, names[-1])]
    if len(names) > 1 and names[-2] not in binding.catalog.schema_oids:
        if missing_ok:
            missing.append(f'schema "{names[-2]}" does not exist, skipping')
            return None
        binding.catalog.schema(names[-2])
    shown = ".".join(names)
    if not node.args_unspecified:
        types = [unpointed_type(binding, each) for each in node.objargs or ()]
        some = [each for each in some if [one.type for one in each.inputs] == [type.bare() for type in types]]
        shown = f"{shown}({', '.join(str(type.bare()) for type in types)})"
        _refuse_builtin(names, [type.name for type in types])
    if len(some) > 1:
        raise NotUniqueName(
            f'function name "{shown}" is not unique',
            hint="Specify the argument list to select the function unambiguously.",
        )
    if some:
        return some[0]
    if missing_ok:
        spelled = ",".join(".".join(part.sval for part in each.names) for each in node.objargs or ())
        missing.append(f"function {'.'.join(names)}({spelled}) does not exist, skipping")
        return None
    if node.args_unspecified:
        raise UndefinedFunction(f'could not find a function named "{shown}"')
    raise UndefinedFunction(f"function {shown} does not exist")


class NotUniqueName(AmbiguousFunction):
    """42725."""


def _refuse_builtin(names: list[str], types: list[str]) -> None:
    if len(names) > 1 and names[-2] != "pg_catalog":
        return
    for function in FUNCTIONS.get(names[-1], ()):
        if list(function.arguments) == types:
            shown = ",".join(str(SqlType(name)) for name in types)
            raise DependentObjectsStillExist(
                f"cannot drop function {names[-1]}({shown}) because it is required by the database system"
            )


def dropped_functions(binding: Binding, node: Node) -> Command:
    """DROP FUNCTION."""
    missing: list[str] = []
    found = [found_function(binding, each, bool(node.missing_ok), missing) for each in node.objects]
    oids = tuple(dict.fromkeys(each.oid for each in found if each is not None))
    cascade = node.behavior == enums.DropBehavior.DROP_CASCADE
    return Command(Drop("function", oids, cascade, tuple(missing)), "DROP FUNCTION")


def renamed_function(binding: Binding, node: Node) -> Command:
    """ALTER FUNCTION … RENAME."""
    function = found_function(binding, node.object, False, [])
    assert function is not None
    _refuse_used(binding, function)
    schema = binding.catalog.schema_name(function.schema_oid)
    made = replace(function, routine=node.newname)
    if _old(binding, schema, made) is not None:
        raise DuplicateFunction(
            f"function {node.newname}({', '.join(str(each.type) for each in function.inputs)})"
            f' already exists in schema "{schema}"'
        )
    return Command(Rename(function.oid, node.newname), "ALTER FUNCTION")


def moved_function(binding: Binding, node: Node) -> Command:
    """ALTER FUNCTION … SET SCHEMA."""
    function = found_function(binding, node.object, False, [])
    assert function is not None
    _refuse_used(binding, function)
    return Command(SetSchema(function.oid, binding.catalog.schema(node.newschema).oid), "ALTER FUNCTION")


def _refuse_used(binding: Binding, function: SqlFunction) -> None:
    """Queries are kept as text, which calls the function by its name."""
    for reader in binding.catalog.dependents(function.oid):
        raise FeatureNotSupported(
            f"cannot rename function {function.name} while others call it", detail=f"{reader.name} calls it."
        )


@binds_statement(ast.AlterFunctionStmt)
def bind_alter_function(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER FUNCTION of its traits."""
    function = found_function(binding, node.func, False, [])
    assert function is not None
    traits = _traits({option.defname: option.arg for option in node.actions})
    return Command(CreateFunction(replace(function, **traits)), "ALTER FUNCTION")


@binds_statement(ast.AlterOwnerStmt)
def bind_alter_owner(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER … OWNER TO: there is one role that owns everything."""
    kind = node.objectType.name.removeprefix("OBJECT_").replace("_", " ")
    if node.objectType == enums.ObjectType.OBJECT_FUNCTION:
        found_function(binding, node.object, False, [])
    return Command(Nothing(), f"ALTER {kind}")
