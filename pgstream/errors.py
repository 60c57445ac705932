"""The tree of errors a user can cause: one class per SQLSTATE used.

    SqlError
    ├── SyntaxError42601, UndefinedTable, UndefinedColumn, …   raised while a statement is analysed
    └── DivisionByZero, UniqueViolation, QueryCanceled, …      raised while it runs

An error that is ours and not the user's is an `assert`. There is nothing in between: code either raises a
`SqlError`, which reaches the client with its SQLSTATE, or lets the exception abort the tick.

Names and codes are those of PostgreSQL's appendix A ("PostgreSQL Error Codes").
"""

from typing import ClassVar


class SqlError(Exception):
    """An error with the fields of a Postgres ErrorResponse (protocol §55.8, "Error and Notice Message Fields").

    `position` is the 0-based index of the character in the statement's text that the error points at; the wire
    adds the protocol's 1. `context` says where in the input a COPY was (field W).
    """

    sqlstate: ClassVar[str] = "XX000"

    def __init__(
        self,
        message: str,
        *,
        position: int | None = None,
        detail: str | None = None,
        hint: str | None = None,
        schema: str | None = None,
        table: str | None = None,
        column: str | None = None,
        datatype: str | None = None,
        constraint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.detail = detail
        self.hint = hint
        self.schema = schema
        self.table = table
        self.column = column
        self.datatype = datatype
        self.constraint = constraint
        self.context: str | None = None

    def at(self, position: int | None) -> "SqlError":
        """This error, pointing at `position` unless it already points somewhere."""
        if self.position is None and position is not None and position >= 0:
            self.position = position
        return self


class FeatureNotSupported(SqlError):
    """PostgreSQL accepts this; pgstream does not yet."""

    sqlstate = "0A000"


class InternalError(SqlError):
    """A bug of ours, reported to the client that met it."""

    sqlstate = "XX000"


class ProtocolViolation(SqlError):
    sqlstate = "08P01"


class CardinalityViolation(SqlError):
    sqlstate = "21000"


class AbsurdTimeBounds(SqlError):
    sqlstate = "22000"


class StringDataRightTruncation(SqlError):
    sqlstate = "22001"


class NumericValueOutOfRange(SqlError):
    sqlstate = "22003"


class NullValueNotAllowed(SqlError):
    sqlstate = "22004"


class InvalidDatetimeFormat(SqlError):
    sqlstate = "22007"


class DatetimeFieldOverflow(SqlError):
    sqlstate = "22008"


class SubstringError(SqlError):
    sqlstate = "22011"


class DivisionByZero(SqlError):
    sqlstate = "22012"


class IntervalFieldOverflow(SqlError):
    sqlstate = "22015"


class InvalidUseOfEscapeCharacter(SqlError):
    sqlstate = "2200C"


class InvalidRegularExpression(SqlError):
    sqlstate = "2201B"


class InvalidArgumentForLogarithm(SqlError):
    sqlstate = "2201E"


class InvalidArgumentForPowerFunction(SqlError):
    sqlstate = "2201F"


class InvalidArgumentForWidthBucket(SqlError):
    sqlstate = "2201G"


class InvalidRowCountInLimitClause(SqlError):
    sqlstate = "2201W"


class InvalidRowCountInOffsetClause(SqlError):
    sqlstate = "2201X"


class InvalidPrecedingOrFollowingSize(SqlError):
    sqlstate = "22013"


class CharacterNotInRepertoire(SqlError):
    sqlstate = "22021"


class InvalidArgumentForNtile(SqlError):
    sqlstate = "22014"


class InvalidArgumentForNthValue(SqlError):
    sqlstate = "22016"


class InvalidParameterValue(SqlError):
    sqlstate = "22023"


class InvalidEscapeSequence(SqlError):
    sqlstate = "22025"


class ArraySubscriptError(SqlError):
    sqlstate = "2202E"


class InvalidTextRepresentation(SqlError):
    sqlstate = "22P02"


class InvalidBinaryRepresentation(SqlError):
    sqlstate = "22P03"


class BadCopyFileFormat(SqlError):
    sqlstate = "22P04"


class UntranslatableCharacter(SqlError):
    sqlstate = "22P05"


class NotNullViolation(SqlError):
    sqlstate = "23502"


class ForeignKeyViolation(SqlError):
    sqlstate = "23503"


class UniqueViolation(SqlError):
    sqlstate = "23505"


class CheckViolation(SqlError):
    sqlstate = "23514"


class ActiveSqlTransaction(SqlError):
    sqlstate = "25001"


class ReadOnlySqlTransaction(SqlError):
    sqlstate = "25006"


class NoActiveSqlTransaction(SqlError):
    sqlstate = "25P01"


class InFailedSqlTransaction(SqlError):
    sqlstate = "25P02"


class InvalidSqlStatementName(SqlError):
    sqlstate = "26000"


class InvalidSavepointSpecification(SqlError):
    sqlstate = "3B001"


class InvalidAuthorizationSpecification(SqlError):
    sqlstate = "28000"


class InvalidPassword(SqlError):
    sqlstate = "28P01"


class DependentObjectsStillExist(SqlError):
    sqlstate = "2BP01"


class InvalidCursorName(SqlError):
    sqlstate = "34000"


class InvalidCatalogName(SqlError):
    sqlstate = "3D000"


class InvalidSchemaName(SqlError):
    sqlstate = "3F000"


class SerializationFailure(SqlError):
    sqlstate = "40001"


class SyntaxError42601(SqlError):
    sqlstate = "42601"


class InsufficientPrivilege(SqlError):
    sqlstate = "42501"


class CannotCoerce(SqlError):
    sqlstate = "42846"


class GroupingError(SqlError):
    sqlstate = "42803"


class WindowingError(SqlError):
    sqlstate = "42P20"


class InvalidRecursion(SqlError):
    sqlstate = "42P19"


class InvalidName(SqlError):
    sqlstate = "42602"


class NameTooLong(SqlError):
    sqlstate = "42622"


class ReservedName(SqlError):
    sqlstate = "42939"


class DatatypeMismatch(SqlError):
    sqlstate = "42804"


class IndeterminateDatatype(SqlError):
    sqlstate = "42P18"


class WrongObjectType(SqlError):
    sqlstate = "42809"


class UndefinedColumn(SqlError):
    sqlstate = "42703"


class UndefinedFunction(SqlError):
    sqlstate = "42883"


class UndefinedTable(SqlError):
    sqlstate = "42P01"


class UndefinedParameter(SqlError):
    sqlstate = "42P02"


class UndefinedObject(SqlError):
    sqlstate = "42704"


class DuplicateColumn(SqlError):
    sqlstate = "42701"


class DuplicateCursor(SqlError):
    sqlstate = "42P03"


class DuplicateDatabase(SqlError):
    sqlstate = "42P04"


class DuplicatePreparedStatement(SqlError):
    sqlstate = "42P05"


class DuplicateSchema(SqlError):
    sqlstate = "42P06"


class DuplicateTable(SqlError):
    sqlstate = "42P07"


class DuplicateAlias(SqlError):
    sqlstate = "42712"


class AmbiguousColumn(SqlError):
    sqlstate = "42702"


class AmbiguousFunction(SqlError):
    sqlstate = "42725"


class AmbiguousAlias(SqlError):
    sqlstate = "42P09"


class InvalidColumnReference(SqlError):
    sqlstate = "42P10"


class InvalidTableDefinition(SqlError):
    sqlstate = "42P16"


class DuplicateObject(SqlError):
    sqlstate = "42710"


class InvalidObjectDefinition(SqlError):
    sqlstate = "42P17"


class GeneratedAlways(SqlError):
    sqlstate = "428C9"


class InvalidForeignKey(SqlError):
    sqlstate = "42830"


class DuplicateFunction(SqlError):
    sqlstate = "42723"


class InvalidFunctionDefinition(SqlError):
    sqlstate = "42P13"


class SequenceGeneratorLimitExceeded(SqlError):
    sqlstate = "2200H"


class TooManyConnections(SqlError):
    sqlstate = "53300"


class DiskFull(SqlError):
    sqlstate = "53100"


class ProgramLimitExceeded(SqlError):
    sqlstate = "54000"


class ObjectNotInPrerequisiteState(SqlError):
    sqlstate = "55000"


class ObjectInUse(SqlError):
    sqlstate = "55006"


class QueryCanceled(SqlError):
    sqlstate = "57014"


class AdminShutdown(SqlError):
    sqlstate = "57P01"


class IoError(SqlError):
    sqlstate = "58030"


class ConfigFileError(SqlError):
    sqlstate = "F0000"
