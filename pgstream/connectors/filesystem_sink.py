"""Files as sinks, exactly once.

A path that names a directory (or ends in a slash) gets one file a commit: written under a hidden name, renamed when
the commit is known. Any other path is one file that grows: a commit's bytes wait in a hidden file beside it until
the commit is known, and are then appended; the cursor holds the length that the file has then, so what a crash left
half-appended is cut off and appended anew.
"""

import json
import os
from pathlib import Path
from typing import Any

from pgstream.connectors.changelog import OPERATION, TICK, inserted, logged
from pgstream.connectors.connector import Opening
from pgstream.connectors.outgoing import Outgoing
from pgstream.connectors.sink import Changes, Cursor, Sink
from pgstream.errors import InvalidParameterValue, IoError
from pgstream.formats.format import Encoder, FileFormat


def write_durably(path: Path, content: bytes) -> None:
    """Makes `path` a file of `content`, on the disk when it returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        write_all(descriptor, content, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes, at: int) -> None:
    """Writes all of `content` at position `at`."""
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Records:
    """Changes to bytes, for one sink: by `outgoing`, where it has records that say more than a row."""

    def __init__(self, encoder: Encoder, changelog: bool, outgoing: Outgoing | None = None) -> None:
        self.encoder = encoder
        self.changelog = changelog
        self.append_only = not changelog and (outgoing is None or outgoing.append_only)
        self._outgoing = outgoing

    def encode(self, changes: Changes) -> bytes:
        if self._outgoing is not None:
            return b"".join((record.value or b"null") + b"\n" for record in self._outgoing.records(changes))
        columns, count = (logged if self.changelog else inserted)(changes)
        return self.encoder.encode(columns, count) if count else b""


class GrowingFile:
    """One file that commits append to."""

    def __init__(self, path: Path, records: Records, cursor: Cursor | None) -> None:
        self._path = path
        self._waiting = path.with_name(f".{path.name}.part")
        self._records = records
        self.append_only = records.append_only
        created = not path.exists()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if created:
            sync_directory(path.parent)
        self._length = 0
        if cursor is None:
            self._begin()
        else:
            self.publish(cursor)

    def _begin(self) -> None:
        """A new sink: what the file holds is kept, and the head is written where it is empty."""
        self._length = os.fstat(self._descriptor).st_size
        if self._length == 0:
            head = self._records.encoder.head()
            write_all(self._descriptor, head, 0)
            os.fsync(self._descriptor)
            self._length = len(head)

    def prepare(self, changes: Changes) -> Cursor:
        content = self._records.encode(changes)
        if content:
            write_durably(self._waiting, self._length.to_bytes(8, "little") + content)
        return json.dumps({"from": self._length, "to": self._length + len(content)}).encode()

    def publish(self, cursor: Cursor) -> None:
        span = json.loads(cursor)
        size = os.fstat(self._descriptor).st_size
        if size < span["from"]:
            raise IoError(f'file "{self._path}" is shorter than what was committed: {size} < {span["from"]} bytes')
        content = self._waiting_from(span["from"], span["to"]) if span["to"] > span["from"] else b""
        if content is None:
            if size < span["to"]:
                raise IoError(f'file "{self._path}" is shorter than what was committed: {size} < {span["to"]} bytes')
        elif content:
            write_all(self._descriptor, content, span["from"])
        os.ftruncate(self._descriptor, span["to"])
        os.fsync(self._descriptor)
        self._length = span["to"]

    def _waiting_from(self, start: int, end: int) -> bytes | None:
        """The bytes that wait to be put at `start`..`end`; None where others or none wait."""
        try:
            with self._waiting.open("rb") as file:
                waiting = file.read(8 + end - start + 1)
        except FileNotFoundError:
            return None
        if int.from_bytes(waiting[:8], "little") != start or len(waiting) != 8 + end - start:
            return None
        return waiting[8:]

    def close(self) -> None:
        os.close(self._descriptor)


class FilePerCommit:
    """A directory that commits add a file to."""

    def __init__(self, path: Path, suffix: str, records: Records, cursor: Cursor | None) -> None:
        if cursor is None:
            path.mkdir(parents=True, exist_ok=True)
        elif not path.is_dir():  # an empty one would be in the way of the one that comes back
            raise IoError(f'directory "{path}" was written to but is gone')
        self._path = path
        self._shown = path / ".shown"
        self._suffix = suffix
        self._records = records
        self.append_only = records.append_only
        self._number = 0
        if cursor is not None:
            self.publish(cursor)
        for left in path.glob(".part-*"):
            left.unlink()

    def prepare(self, changes: Changes) -> Cursor:
        content = self._records.encode(changes)
        if not content:
            return json.dumps({"file": None, "number": self._number}).encode()
        name = f"part-{self._number:08d}{self._suffix}"
        write_durably(self._path / f".{name}", self._records.encoder.head() + content)
        sync_directory(self._path)
        return json.dumps({"file": name, "number": self._number + 1}).encode()

    def _was_shown(self, name: str) -> bool:
        """Whether a file was there for its readers, one of whom may have taken it away since."""
        return self._shown.exists() and self._shown.read_text() == name

    def publish(self, cursor: Cursor) -> None:
        state = json.loads(cursor)
        name = state["file"]
        if name is not None and (self._path / f".{name}").exists():
            (self._path / f".{name}").rename(self._path / name)
            sync_directory(self._path)
            self._shown.write_text(name)
        elif name is not None and not (self._path / name).exists() and not self._was_shown(name):
            raise IoError(f'file "{self._path / name}" was committed but is gone')
        self._number = state["number"]

    def close(self) -> None:
        """Nothing is held."""


def open_sink(options: Any, opening: Opening, cursor: Cursor | None) -> Sink:
    """The file or directory of a CREATE SINK statement."""
    form, path = opening.format, opening.directory / options.path
    assert form is not None
    assert opening.fields is not None
    if form.encoder is None:
        raise InvalidParameterValue(f'format "{form.name}" cannot be written')
    changelog = options.envelope == "changelog"
    fields = (OPERATION, TICK, *opening.fields) if changelog else opening.fields
    outgoing = Outgoing(opening, options.key) if opening.envelope == "debezium" and not changelog else None
    records = Records(form.encoder(fields, opening.format_options), changelog, outgoing)
    try:
        if options.path.endswith("/") or path.is_dir():
            return FilePerCommit(path, form.suffixes[0], records, cursor)
        if isinstance(form, FileFormat):
            raise InvalidParameterValue(
                f'a sink of format "{form.name}" needs a directory', hint="Let the path end in a slash."
            )
        if cursor is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise IoError(f'file "{path}" was written to but is gone')
        return GrowingFile(path, records, cursor)
    except OSError as error:
        raise IoError(f'could not open file "{path}" for writing: {error.strerror}') from None
