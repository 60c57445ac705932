"""A pgstream server of a test's own: a process on a free port of 127.0.0.1, in a folder that the test owns."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

START_TIMEOUT_S = 600.0
"""A first start compiles the kernels."""
STOP_TIMEOUT_S = 60.0

_READY = re.compile(rb"ready: psql -h \S+ -p (\d+)")


class Server:
    """`pgstream serve` as a child process, with `folder / "data"` as its data directory.

    As a context manager it is started, and at last stopped. Its port is chosen at the first start, and kept.
    """

    def __init__(self, folder: str | Path, arguments: Sequence[str] = ()) -> None:
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.port = 0
        self._arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def conninfo(self) -> str:
        """How libpq reaches it."""
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts the process and waits until it says that it is ready."""
        command = [sys.executable, "-m", "pgstream", "serve", "--data-dir", str(self.data)]
        command += ["--listen", f"127.0.0.1:{self.port}", *self._arguments]
        with self.log.open("ab") as log:
            said = log.tell()
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            ended = self._process.poll() is not None
            ready = _READY.search(self.log.read_bytes(), said)
            if ready is not None:
                self.port = int(ready.group(1))
                return
            if ended:
                raise RuntimeError(f"the server ended with {self._process.returncode}:\n{self.log.read_text()}")
            time.sleep(0.02)
        raise TimeoutError(self.log.read_text())

    def kill(self) -> None:
        """Ends the process in the midst of whatever it does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends the process as an operator would; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(how)
        return process.wait(STOP_TIMEOUT_S)

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.stop()
