"""Persistent maps do what dicts do, and never change."""

from hypothesis import given
from hypothesis import strategies as st

from pgstream.persistent import PersistentMap

KEYS = st.integers(0, 2000) | st.integers(0, 2**63 - 1)
CHANGES = st.lists(st.tuples(st.booleans(), st.dictionaries(KEYS, st.integers(), max_size=20)), max_size=20)


@given(CHANGES)
def test_changes_are_those_of_a_dict(changes: list[tuple[bool, dict[int, int]]]) -> None:
    made, model = PersistentMap[int, int](), dict[int, int]()
    kept = []
    for adding, some in changes:
        kept.append((made, dict(model)))
        if adding:
            made = made.update(some)
            model |= some
        else:
            made = made.without(some)
            model = {key: value for key, value in model.items() if key not in some}
    for one, wanted in [*kept, (made, model)]:
        assert dict(one.items()) == wanted
        assert one == PersistentMap(wanted)
        assert len(one) == len(wanted)
        assert sorted(one) == sorted(wanted)
        assert sorted(one.values()) == sorted(wanted.values())
        assert all(key in one and one[key] == one.get(key) == value for key, value in wanted.items())
        assert dict(made.changed(one)) == {
            key: value for key, value in model.items() if wanted.get(key) is not value or key not in wanted
        }
        assert set(made.gone(one)) == wanted.keys() - model.keys()


def test_what_is_not_there() -> None:
    some = PersistentMap({1: "a"})
    assert 2 not in some
    assert 1 << 20 not in some
    assert some.get(2) is None
    assert some.get(1 << 20, "none") == "none"
    assert some.without([2, 1 << 20]) is some
    assert some.update({}) is some
    assert not some.without([1])


def test_pages_are_shared() -> None:
    whole = PersistentMap(dict.fromkeys(range(100_000), ""))
    more = whole.put(7, "x")
    assert sum(one is not other for one, other in zip(whole.pages(), more.pages(), strict=True)) == 1
