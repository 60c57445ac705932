"""Records that end with a newline."""

from pgstream.formats.format import Chunk, Cut
from pgstream.kernels.bytes import skip_lines


def cut_lines(chunk: Chunk, rows_max: int, final: bool) -> Cut:
    """The longest prefix of `chunk` of at most `rows_max` whole lines. The last line may lack its newline when
    `final`."""
    start = chunk.address
    after, rows = skip_lines(start, start + chunk.size, rows_max)
    if final and rows < rows_max and after - start < chunk.size:
        return Cut(chunk.size, rows + 1)
    return Cut(after - start, rows)
