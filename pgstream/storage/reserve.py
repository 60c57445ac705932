"""A reserve of disk space, for the commits that free space when the disk is full.

LMDB writes a page anew before it frees the old one, so that even a DELETE needs some room. The reserve is a file of
nothing beside the database. It is given up for such a commit, and made again once there is ample room.
"""

import os
from contextlib import suppress
from pathlib import Path

RESERVE_NAME = "pgstream.reserve"

AMPLE = 4
"""How many times the reserve's size has to be free for it to be made."""


class Reserve:
    """`size` bytes in `directory`; none where it is 0."""

    def __init__(self, directory: Path, size: int) -> None:
        self._path = directory / RESERVE_NAME
        self._size = size
        self.there = self._path.exists()

    def keep(self) -> None:
        """Makes it, unless it is there or the disk has not room enough."""
        if self.there or not self._size:
            return
        with suppress(OSError):
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize >= AMPLE * self._size:
                self._make()

    def _make(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size)
            self.there = True
        except OSError:
            self._path.unlink()
        finally:
            os.close(descriptor)

    def give_up(self) -> bool:
        """Frees its space. Whether there was any to free."""
        if not self.there:
            return False
        self.there = False
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
