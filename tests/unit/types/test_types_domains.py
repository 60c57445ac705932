"""Domains as values: what allows values in, and what is seen of the type below."""

import pyarrow as pa
import pytest

import pgstream.sql.bind  # noqa: F401  says what constraints mean
from pgstream.errors import CheckViolation, NotNullViolation, StringDataRightTruncation
from pgstream.formats.texts import read_texts
from pgstream.types import INT4, SqlType, array_of, domain_type, parse_text
from pgstream.types.described import declared_name, described_oids
from pgstream.types.domain import below, is_domain

SETTINGS = {"timezone": "UTC"}
POSITIVE = domain_type(20001, "public", "positive", INT4, False, [("positive_check", "VALUE > 0")])
DIGIT = domain_type(20011, "public", "digit", POSITIVE, True, [("digit_check", "VALUE < 10")])
WORD = domain_type(20021, "s", "word", SqlType("varchar", 7), False, [])


def test_domain_is_its_description() -> None:
    assert is_domain(DIGIT.name)
    assert below(DIGIT) == INT4
    assert described_oids(array_of(DIGIT)) == {20001, 20011}
    assert declared_name(WORD) == ("s", "word")
    assert DIGIT.definition.told_oid == INT4.oid
    assert str(WORD) == "s.word"


def test_constraints_of_the_domain_below_come_first() -> None:
    for text, said in (("0", "positive_check"), ("10", "digit_check")):
        with pytest.raises(
            CheckViolation, match=f'value for domain digit violates check constraint "{said}"'
        ) as raised:
            parse_text(DIGIT, pa.array([text]), SETTINGS, 0)
        assert (raised.value.schema, raised.value.datatype, raised.value.constraint) == ("public", "digit", said)
    with pytest.raises(NotNullViolation, match="domain digit does not allow null values"):
        parse_text(DIGIT, pa.array([None], pa.string()), SETTINGS, 0)
    assert parse_text(POSITIVE, pa.array(["1", None]), SETTINGS, 0).to_pylist() == [1, None]


def test_elements_of_arrays_are_checked() -> None:
    with pytest.raises(CheckViolation):
        parse_text(array_of(POSITIVE), pa.array(["{1,0}"]), SETTINGS, 0)


def test_length_of_the_type_below_is_kept() -> None:
    with pytest.raises(StringDataRightTruncation):
        parse_text(WORD, pa.array(["abcd"]), SETTINGS, 0)


def test_binary_values_are_checked() -> None:
    sent = INT4.definition.send(pa.array([3, -3], pa.int32()))
    assert POSITIVE.definition.receive(sent.slice(0, 1), -1).to_pylist() == [3]
    with pytest.raises(CheckViolation):
        POSITIVE.definition.receive(sent, -1)


def test_records_of_sources_are_rejected_one_by_one() -> None:
    column, wrong = read_texts(pa.array(["1", "-1", "3"]), POSITIVE)
    assert column.to_pylist() == [1, None, 3]
    assert wrong == {1: 'value for domain positive violates check constraint "positive_check"'}
