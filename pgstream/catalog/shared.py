"""What the options of several objects share: secrets and connections, and how options name them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Named:
    """What options name instead of holding it, by OID: connections, whose options come before one's own, and secrets,
    whose values are the values of options."""

    connections: tuple[int, ...] = ()
    secrets: tuple[tuple[str, int], ...] = ()

    @property
    def oids(self) -> frozenset[int]:
        return frozenset((*self.connections, *(oid for _, oid in self.secrets)))


NOTHING_NAMED = Named()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that options may have and nobody is shown. The store keeps it `sealed`; `value` is None where the key
    is not the one it was sealed with."""

    oid: int
    schema_oid: int
    name: str
    sealed: str
    value: str | None = field(default=None, repr=False, metadata={"stored": False})
    depends: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Connection:
    """Options that sources and sinks share: how an outside system of this `kind` is reached."""

    oid: int
    schema_oid: int
    name: str
    kind: str
    options: tuple[tuple[str, str], ...]
    named: Named = NOTHING_NAMED
    depends: frozenset[int] = frozenset()
