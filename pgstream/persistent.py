"""Persistent maps: a change gives a new map that shares all but what it touched.

The entries lie in up to 256 pages by the hash of their key, and a change copies the page it is in: with n entries it
costs O(256 + n / 256), a few microseconds at n = 10,000 where copying a dict takes a hundred. Two maps of one origin
are compared page by page, so telling what changed between them costs what changed.
"""

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any, Generic, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class PersistentMap(Mapping[K, V], Generic[K, V]):
    """An immutable map. Iterating is in no order that means anything, but in the same one for the same history."""

    __slots__ = ("_count", "_pages")

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        self._pages: dict[int, dict[K, V]] = {}
        for key, value in items.items() if isinstance(items, Mapping) else items:
            self._pages.setdefault(hash(key) >> 8 & 255, {})[key] = value
        self._count = sum(map(len, self._pages.values()))

    # -- reading

    def __getitem__(self, key: K) -> V:
        page = self._pages.get(hash(key) >> 8 & 255)
        if page is None:
            raise KeyError(key)
        return page[key]

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, default: V | D, /) -> V | D: ...
    def get(self, key: K, default: Any = None, /) -> Any:
        page = self._pages.get(hash(key) >> 8 & 255)
        return default if page is None else page.get(key, default)

    def __contains__(self, key: object) -> bool:
        page = self._pages.get(hash(key) >> 8 & 255)
        return page is not None and key in page

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[K]:
        for page in self._pages.values():
            yield from page

    def items(self) -> ItemsView[K, V]:
        return _Items(self)

    def values(self) -> ValuesView[V]:
        return _Values(self)

    def pages(self) -> Iterable[dict[K, V]]:
        """The entries, in parts that nobody may change."""
        return self._pages.values()

    # -- changing

    def put(self, key: K, value: V) -> "PersistentMap[K, V]":
        """This map with `value` under `key`."""
        return self.update({key: value})

    def update(self, changes: Mapping[K, V]) -> "PersistentMap[K, V]":
        """This map with all of `changes`."""
        if not changes:
            return self
        pages, fresh, count = self._pages.copy(), set[int](), self._count
        for key, value in changes.items():
            number = hash(key) >> 8 & 255
            if number not in fresh:
                fresh.add(number)
                pages[number] = pages.get(number, {}).copy()
            page = pages[number]
            count += key not in page
            page[key] = value
        return self._of(pages, count)

    def without(self, keys: Iterable[K]) -> "PersistentMap[K, V]":
        """This map without those of `keys` that it has."""
        pages, fresh, count = self._pages.copy(), set[int](), self._count
        for key in keys:
            number = hash(key) >> 8 & 255
            page = pages.get(number)
            if page is None or key not in page:
                continue
            if number not in fresh:
                fresh.add(number)
                page = pages[number] = page.copy()
            del page[key]
            count -= 1
            if not page:
                del pages[number]
                fresh.discard(number)
        return self if count == self._count else self._of(pages, count)

    @staticmethod
    def _of(pages: dict[int, dict[K, V]], count: int) -> "PersistentMap[K, V]":
        made: PersistentMap[K, V] = PersistentMap()
        made._pages, made._count = pages, count
        return made

    # -- comparing

    def changed(self, before: "PersistentMap[K, V]") -> Iterator[tuple[K, V]]:
        """The entries for which `before` has nothing, or another object."""
        for number, page in self._pages.items():
            other = before._pages.get(number, {})
            if other is not page:
                for key, value in page.items():
                    if other.get(key) is not value:
                        yield key, value

    def gone(self, before: "PersistentMap[K, V]") -> Iterator[K]:
        """The keys of `before` that are not here."""
        for number, other in before._pages.items():
            page = self._pages.get(number, {})
            if other is not page:
                for key in other:
                    if key not in page:
                        yield key


class _Items(ItemsView[K, V]):
    _mapping: PersistentMap[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        for page in self._mapping.pages():
            yield from page.items()


class _Values(ValuesView[V]):
    _mapping: PersistentMap[Any, V]

    def __iter__(self) -> Iterator[V]:
        for page in self._mapping.pages():
            yield from page.values()
