"""Commits: what of a head goes into the store, and how it comes back.

    databases/<name>    the database's number and salt

and behind each database's `<number>/`:

    head                the tick and catalog version
    object/<oid>        an object of the catalog, as JSON
    sequence/<oid>      where a sequence may stand
    root/<oid>          the identity of the node that keeps the object's rows
    offset/<oid>        how far a source has been read
    watermarks          how far event times have come, of partitions and together
    cursor/<oid>        how far a sink has been written
    debt, parcel/…      what a sink that failed is owed (`debts.py`)
    journal/<tick>      ticks that the state does not have yet (`journal.py`)

Arrangement ids of a database are stored xor its salt, so that two databases never mean the same one.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.codec import decode, encode
from pgstream.catalog.objects import Sequence
from pgstream.circuit.circuit import Circuit, State
from pgstream.circuit.operator import Clock
from pgstream.connectors import Cursor
from pgstream.engine.head import Head, Marks
from pgstream.engine.vault import Vault
from pgstream.storage.store import Commit, Store


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is in the store."""

    name: str
    number: int
    salt: int

    def key(self, *parts: object) -> bytes:
        return "/".join(str(part) for part in (self.number, *parts)).encode()

    def arrangement(self, id: int) -> int:
        return id ^ self.salt


def register(place: Place) -> dict[bytes, bytes | None]:
    """The metadata by which `places` finds the database again."""
    return {f"databases/{place.name}".encode(): json.dumps([place.number, place.salt]).encode()}


def places(store: Store) -> Iterator[Place]:
    """Every database in the store."""
    for key, value in store.items(b"databases/"):
        number, salt = json.loads(value)
        yield Place(key.decode().removeprefix("databases/"), number, salt)


def told(before: Head, after: Head) -> bool:
    """Whether the ticks that `after` remembers are all that has changed since `before`."""
    return (
        bool(after.ticks)
        and after.catalog is before.catalog
        and after.roots is before.roots
        and after.offsets == before.offsets
        and after.marks == before.marks
        and after.clock.watermarks == before.clock.watermarks
        and not after.outgoing
    )


def entry_key(place: Place, tick: int) -> bytes:
    """Where the journal's entry that ends with `tick` is; the keys ascend with the ticks."""
    return place.key("journal", f"{tick:020}")


def changes(place: Place, before: Head, after: Head, cursors: Mapping[int, Cursor]) -> Commit:
    """What takes the store from one head to another."""
    spines = dict(after.state.changed(before.state))
    dropped = list(after.state.gone(before.state))
    facts = {"tick": after.tick, "time": after.time_ms, "version": after.catalog.version, "now": after.clock.now_us}
    meta: dict[bytes, bytes | None] = {place.key("head"): json.dumps(facts).encode()}
    if after.catalog is not before.catalog or after.roots is not before.roots:
        meta |= _catalog_changes(place, before, after)
    if after.marks != before.marks or after.clock.watermarks != before.clock.watermarks:
        meta[place.key("watermarks")] = _packed_watermarks(after)
    for oid, offset in after.offsets.items():
        if before.offsets.get(oid) != offset:
            meta[place.key("offset", oid)] = offset
    for oid in before.offsets:
        if oid not in after.offsets:
            meta[place.key("offset", oid)] = None
    meta |= {place.key("cursor", oid): cursor for oid, cursor in cursors.items()}
    return Commit(
        {place.arrangement(id): spine for id, spine in spines.items()}, [place.arrangement(id) for id in dropped], meta
    )


def _packed_watermarks(head: Head) -> bytes:
    series = [[list(one), us] for one, us in head.clock.watermarks.items()]
    return json.dumps({"marks": list(head.marks.items()), "series": series}).encode()


def _catalog_changes(place: Place, before: Head, after: Head) -> dict[bytes, bytes | None]:
    meta: dict[bytes, bytes | None] = {}
    for oid, thing in after.catalog.objects.changed(before.catalog.objects):
        meta[place.key("object", oid)] = encode(thing)
    for oid in after.catalog.objects.gone(before.catalog.objects):
        meta |= dict.fromkeys(place.key(what, oid) for what in ("object", "root", "cursor", "sequence"))
    for now, then in ((after.roots.stored, before.roots.stored), (after.roots.sent, before.roots.sent)):
        kept = ((oid, node) for oid, node in now.changed(then) if oid in after.catalog.objects)
        meta |= {place.key("root", oid): node.identity for oid, node in kept}
    return meta


def removal(place: Place, head: Head, store: Store) -> Commit:
    """What takes a whole database out of the store."""
    meta: dict[bytes, bytes | None] = dict.fromkeys(key for key, _ in store.items(place.key("")))
    meta[f"databases/{place.name}".encode()] = None
    return Commit({}, [place.arrangement(id) for id in head.state], meta)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store knows of one database."""

    tick: int
    time_ms: int
    catalog: Catalog
    identities: Mapping[int, bytes]
    offsets: Mapping[int, bytes]
    cursors: Mapping[int, Cursor]
    debts: Mapping[int, bytes]
    journal: tuple[tuple[bytes, bytes], ...]
    """Its entries, by key."""
    clock: Clock
    marks: Marks


def load(place: Place, store: Store, vault: Vault) -> Stored:
    """The database as of the last commit."""
    head = json.loads(store.get(place.key("head")) or b'{"tick": 0, "time": 0, "version": 0}')
    objects = [vault.opened(decode(value)) for _, value in store.items(place.key("object", ""))]
    objects.sort(key=lambda thing: thing.oid)
    new = Catalog.new()
    catalog = Catalog.of(head["version"], new.next_oid, [*new.objects.values(), *objects])
    catalog.sequences.load({oid: tuple(json.loads(value)) for oid, value in _by_oid(place, store, "sequence").items()})
    times = json.loads(store.get(place.key("watermarks")) or b'{"marks": [], "series": []}')
    return Stored(
        head["tick"],
        head["time"],
        catalog,
        _by_oid(place, store, "root"),
        _by_oid(place, store, "offset"),
        _by_oid(place, store, "cursor"),
        _by_oid(place, store, "debt"),
        tuple(store.items(place.key("journal", ""))),
        Clock(head.get("now", 0), {tuple(one): us for one, us in times["series"]}),
        dict(times["marks"]),
    )


def _by_oid(place: Place, store: Store, what: str) -> dict[int, bytes]:
    return {int(key.rsplit(b"/", 1)[1]): value for key, value in store.items(place.key(what, ""))}


def load_state(place: Place, store: Store, circuit: Circuit) -> State:
    """The spines of the circuit's arrangements; nothing of their rows is read yet."""
    stored = set(store.arrangements)
    return State(
        (id, store.load_spine(place.arrangement(id), spec))
        for id, spec in circuit.specs().items()
        if place.arrangement(id) in stored
    )


def numbers_due(head: Head) -> dict[int, tuple[int, int, bool]]:
    """What the store must know of the sequences of a head, by OID."""
    found = {}
    for oid, said in list(head.catalog.sequences.due.items()):
        thing = head.catalog.objects.get(oid)
        if isinstance(thing, Sequence) and thing.node == said[0]:
            found[oid] = said
    return found


def with_numbers(place: Place, made: Commit, numbers: Mapping[int, tuple[int, int, bool]]) -> Commit:
    """A commit that also says where these sequences stand."""
    meta = {place.key("sequence", oid): json.dumps(said).encode() for oid, said in numbers.items()}
    return replace(made, meta={**made.meta, **meta})
