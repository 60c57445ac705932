"""Declarations of aggregates over stretches of rows, and of those over ordered rows."""

from collections.abc import Callable, Mapping

from pgstream.functions.maintained import Recompute
from pgstream.functions.registry import Kernel, aggregate


def spanning(signature: str, *, examples: Mapping[str, str] | None = None, doc: str = "") -> Callable[[Kernel], Kernel]:
    """As `recomputed`, for a `finish` over stretches of rows, which may overlap."""

    def declared(finish: Kernel) -> Kernel:
        told = doc or finish.__doc__ or ""
        aggregate(signature, Recompute(finish, spans=True), bound=True, examples=examples, doc=told)
        return finish

    return declared


def ordered_set(
    signature: str, *, direct: int = 0, examples: Mapping[str, str] | None = None
) -> Callable[[Kernel], Kernel]:
    """Declares the decorated `finish` as an ordered-set aggregate: it is given the columns of the direct arguments
    first, one value a group."""

    def declared(finish: Kernel) -> Kernel:
        how = Recompute(finish)
        doc = finish.__doc__ or ""
        aggregate(signature, how, bound=True, examples=examples, doc=doc, kind="o", direct=direct)
        return finish

    return declared
