"""What a kept query may contain: only what follows from its inputs."""

from pgstream.errors import FeatureNotSupported
from pgstream.sql.bind.binding import Binding


def check_maintainable(binding: Binding, what: str) -> None:
    """Raises FeatureNotSupported where a kept query calls volatile functions or reads system relations."""
    for name, position in binding.volatile:
        raise FeatureNotSupported(
            f"volatile function {name} is not allowed in {what}", position=None if position < 0 else position
        )
    for name, position in binding.ambient:
        raise FeatureNotSupported(
            f"function {name} is not allowed in {what}: its value changes by itself",
            position=None if position < 0 else position,
        )
    for name, position in binding.recursions:
        raise FeatureNotSupported(
            f'recursive query "{name}" is not allowed in {what}', position=None if position < 0 else position
        )
    for name, position in binding.system_relations:
        raise FeatureNotSupported(
            f'system relation "{name}" is not allowed in {what}', position=None if position < 0 else position
        )
