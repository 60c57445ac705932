"""What DROP tells."""

import pytest

from tests.unit.engine.conftest import Opened


@pytest.mark.parametrize("kind", ["table", "view", "materialized view", "source", "schema"])
def test_what_is_missing_is_told_as_postgresql_tells_it(opened: Opened, kind: str) -> None:
    outcome = opened.open().run(f"DROP {kind.upper()} IF EXISTS nope, nor_this")
    assert outcome is not None
    assert [notice.message for notice in outcome.notices] == [
        f'{kind} "nope" does not exist, skipping',
        f'{kind} "nor_this" does not exist, skipping',
    ]
