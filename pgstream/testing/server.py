"""A pgstream server of a test's own: a process on a free port of 127.0.0.1, in a folder that the test owns."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

START_TIMEOUT_S = 600.0
"""A first start compiles the kernels."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """`pgstream serve` as a child process. As a context manager it is started, and at last stopped."""

    def __init__(self, folder: str | Path, arguments: Sequence[str] = ()) -> None:
        self.folder = Path(folder)
        self.port = free_port()
        self.log = self.folder / "server.log"
        self._arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def conninfo(self) -> str:
        """How libpq reaches it."""
        return f"host=127.0.0.1 port={self.port} user=postgres"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts the process and waits until it accepts connections."""
        command = [sys.executable, "-m", "pgstream", "serve", "--data-dir", str(self.folder / "data")]
        command += ["--listen", f"127.0.0.1:{self.port}", *self._arguments]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode}:\n{self.log.read_text()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError(self.log.read_text())

    def kill(self) -> None:
        """Ends the process as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends the process as an operator would; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(how)
        return process.wait(60)

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.stop()
