"""Files as sources: one path or a glob, read once or followed as they grow and as new ones appear.

An offset maps file names to positions: bytes of the (uncompressed) content for formats of records, rows for
formats of files. The position of a file that is read to an end that is final is stored as its complement (~).
Files are read in order of their names. A source that reads once forgets the files before the one it is in; a source
that follows remembers them all, so that files may grow at once and appear in any order.
"""

import glob
import json
from dataclasses import dataclass
from pathlib import Path

from pgstream.connectors.connector import Connector, Opening, declare
from pgstream.connectors.filesystem_sink import open_sink
from pgstream.connectors.record_files import RecordFiles
from pgstream.connectors.row_files import RowFiles
from pgstream.connectors.source import Limits, Offset, Reading, Rows, Streams
from pgstream.errors import InvalidParameterValue, InvalidTableDefinition, IoError
from pgstream.formats.format import Field, FileFormat, RecordFormat
from pgstream.formats.formats import FORMATS
from pgstream.formats.options import option
from pgstream.formats.sheet import null_column
from pgstream.world import World

POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class FilesystemOptions:
    """WITH options of `connector = 'filesystem'`."""

    path: str = option("path", "posix_fs.root", doc="A file, a directory, or a glob such as '/var/log/app/*.jsonl'.")
    follow: bool = option("follow", "tail", default=False, doc="Keep reading as files grow and appear.")
    compression: str = option(
        "compression", "source.compression", "compression_format", default="auto",
        choices=("auto", "none", "gzip", "zstd", "bz2", "lz4"),
        doc="How files are compressed; auto: as their suffix says.",
    )  # fmt: skip
    key: tuple[str, ...] = option(
        "primary_key", default=(), read=lambda text: tuple(name.strip() for name in text.split(",")),
        doc="The columns that tell which rows a sink's Debezium records change.",
    )  # fmt: skip
    envelope: str = option(
        "envelope", default="none", choices=("none", "changelog"),
        doc="What a sink writes: rows, which cannot be retracted, or rows with pgstream_op and pgstream_tick.",
    )  # fmt: skip


def suffix_format(options: FilesystemOptions) -> str | None:
    """The format that the path's suffix says, before a suffix of compression."""
    suffixes = [suffix.lower() for suffix in Path(options.path).suffixes[-2:]]
    for form in FORMATS.values():
        if any(suffix in form.suffixes for suffix in suffixes):
            return form.name
    return None


def list_files(pattern: str, directory: Path) -> list[str]:
    """The files that a path, directory or glob names, by name. Hidden files are none of them."""
    path = directory / pattern
    if glob.has_magic(pattern):
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207 (Path.glob takes no absolute pattern)
    elif path.is_dir():
        found = list(path.iterdir())
    else:
        return [str(path)]
    return sorted(str(file) for file in found if file.is_file() and not file.name.startswith("."))


@dataclass(frozen=True, slots=True)
class FilesystemSource:
    """Files of records or of rows, as one sequence."""

    fields: tuple[Field, ...]
    files: RecordFiles | RowFiles
    pattern: str
    directory: Path
    follow: bool
    world: World

    def start(self) -> Offset:
        return pack({})

    def plan(self, offset: Offset, limits: Limits, needed: frozenset[int], until: Offset | None = None) -> Reading:
        positions = unpack(offset)
        bounds = None if until is None else unpack(until)
        for name in self._names(positions, bounds):
            position, bound = positions.get(name, 0), None if bounds is None else bounds.get(name)
            if position < 0 or position == bound:
                continue
            end = ~bound if bound is not None and bound < 0 else bound
            piece = self.files.plan(Path(name), position, end, limits, needed, self.follow and bounds is None)
            if piece is None:
                continue
            moved = (
                bound
                if piece.position == end and bound is not None
                else ~piece.position
                if piece.done
                else piece.position
            )
            return Reading(self._moved(positions, name, moved), piece.fetch)
        return self._nothing(offset, exhausted=not self.follow or bounds is not None)

    def _nothing(self, offset: Offset, exhausted: bool) -> Reading:
        empty = Rows(tuple(null_column(field.type.storage, 0) for field in self.fields), 0)
        return Reading(offset, lambda: empty, exhausted, None if exhausted else self.world.monotonic() + POLL_SECONDS)

    def _names(self, positions: dict[str, int], bounds: dict[str, int] | None) -> list[str]:
        """The files that may have something to read, in order."""
        if bounds is not None and self.follow:
            return sorted(bounds)
        names = list_files(self.pattern, self.directory)
        if self.follow:
            return [name for name in names if Path(name).exists()]
        last = None if bounds is None else max(bounds, default="")
        first = max(positions, default="")
        return sorted(name for name in {*names, *positions} if name >= first and (last is None or name <= last))

    def streams(self, offset: Offset) -> Streams:
        positions = unpack(offset)
        names = self._names(positions, None)
        if self.follow:
            return Streams(frozenset(name for name in names if name not in positions), False)
        return Streams(frozenset(name for name in names if positions.get(name, 0) >= 0), True)

    def _moved(self, positions: dict[str, int], name: str, position: int) -> Offset:
        return pack({**positions, name: position} if self.follow else {name: position})

    def at(self, place: str) -> tuple[Offset, Offset | None]:
        name, _, position = place.rpartition(":")
        others = dict.fromkeys(list_files(self.pattern, self.directory), ~0) if self.follow else {}
        return pack({**others, name: int(position)}), None

    def amended(self, place: str, raw: bytes, needed: frozenset[int]) -> Rows:
        return self.files.amended(place, raw, needed)

    def close(self) -> None:
        self.files.close()


def pack(positions: dict[str, int]) -> Offset:
    """The offset of these positions."""
    return json.dumps(positions, separators=(",", ":"), sort_keys=True).encode()


def unpack(offset: Offset) -> dict[str, int]:
    """The positions of an offset."""
    return {str(name): int(position) for name, position in json.loads(offset).items()}


def open_source(options: FilesystemOptions, opening: Opening) -> FilesystemSource:
    """The files of a CREATE SOURCE statement. Raises SqlError where there are none to read once."""
    names = list_files(options.path, opening.directory)
    if not options.follow and not any(Path(name).is_file() for name in names):
        raise IoError(f'could not open file "{options.path}" for reading: No such file or directory')
    fields = opening.fields or infer(options, opening, names)
    form = opening.format
    files: RecordFiles | RowFiles
    if isinstance(form, FileFormat):
        if options.follow and glob.has_magic(options.path) is False and not (opening.directory / options.path).is_dir():
            raise InvalidParameterValue(
                f'a single file of format "{form.name}" cannot be followed', hint="Follow a directory."
            )
        files = RowFiles(form, opening.format_options, fields, opening.passed_over)
    else:
        assert isinstance(form, RecordFormat)
        if form.decoder is None:
            raise InvalidParameterValue(f'format "{form.name}" cannot be read')
        files = RecordFiles(form, opening.format_options, fields, options.compression, opening.passed_over)
    return FilesystemSource(fields, files, options.path, opening.directory, options.follow, opening.world)


def infer(options: FilesystemOptions, opening: Opening, names: list[str]) -> tuple[Field, ...]:
    """The columns as the first file tells them."""
    if isinstance(opening.format, FileFormat) and names and Path(names[0]).is_file():
        return opening.format.infer(Path(names[0]))
    raise InvalidTableDefinition("a column definition list is required for a source of this format")


FILESYSTEM = declare(
    Connector(
        name="filesystem",
        doc="Reads and writes local files.",
        options=FilesystemOptions,
        source=open_source,
        sink=open_sink,
        formats=True,
        default_format=suffix_format,
        aliases=("single_file", "posix_fs", "file"),
    )
)
