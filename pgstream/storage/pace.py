"""When a spine merges its layers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How a spine merges. Layers of fewer than `small_rows` are merged at once when there are `small_layers`.

    Where rows are seldom asked for and hardly ever go (`Traffic`), merging layers of `wide_rows` and more is left until
    there are `wide_fan`.
    """

    small_rows: int = 512
    small_layers: int = 8
    fan: int = 8
    wide_rows: int = 1 << 15
    wide_fan: int = 64
    fuel: int = 8
    chunk_rows: int = 1 << 17
    chunk_bytes: int = 16 << 20

    def size_class(self, rows: int, wide: bool) -> tuple[int, int]:
        """The class of a layer of `rows` rows, from 0, and how many layers of that class are merged into one."""
        size, bound, fan = 0, self.small_rows, self.fan
        while rows >= bound:
            fan = self.wide_fan if wide and bound >= self.wide_rows else self.fan
            size, bound = size + 1, bound * fan
        return size, fan


@dataclass(slots=True)
class Traffic:
    """What an arrangement went through since it was loaded: rows that came, those of them that went, keys asked for.

    A merge rewrites rows to save look-ups and to forget what has gone. It does not pay where rows come much faster
    than they are asked for, as those of a stream do that is joined with what seldom changes. This is a statistic: no
    result depends on it, and versions of a spine share it.
    """

    came: int = 0
    gone: int = 0
    asked: int = 0

    @property
    def wide(self) -> bool:
        """Whether many layers cost less than merging them."""
        return self.asked * 4 <= self.came and self.gone * 8 <= self.came
