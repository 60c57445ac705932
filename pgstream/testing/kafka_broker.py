"""A real Kafka broker for tests: Apache's distribution from a Maven repository, one node in KRaft mode."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

KAFKA_VERSION = "4.1.0"
START_TIMEOUT_S = 90.0
FETCH_TIMEOUT_S = 300.0
CLUSTER = "4L6g3nShT-eMCtK--X86sw"

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>pgstream</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{more}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{more}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=100
"""


class NoBrokerError(Exception):
    """Why there can be no broker here."""


def distribution() -> Path:
    """The directory of the broker's jars, fetched where they are not there yet. Raises NoBrokerError."""
    given = os.environ.get("PGSTREAM_KAFKA_JARS")
    if given:
        return Path(given)
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise NoBrokerError(f"{program} is not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    place = cache / "pgstream" / f"kafka-{KAFKA_VERSION}"
    jars = place / "jars"
    if not jars.is_dir():
        _fetch(place, jars)
    return jars


def _fetch(place: Path, jars: Path) -> None:
    """Has Maven copy the distribution; it is there as a whole or not at all."""
    fresh = place / f"fresh-{os.getpid()}"
    fresh.mkdir(parents=True, exist_ok=True)
    (fresh / "pom.xml").write_text(POM)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(command, cwd=fresh, check=False, capture_output=True, timeout=FETCH_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise NoBrokerError("Maven did not fetch Kafka in time") from None
    if done.returncode:
        raise NoBrokerError(f"Maven could not fetch Kafka: {done.stdout.decode(errors='replace')[-500:]}")
    if not jars.is_dir():
        (fresh / "jars").rename(jars)
    shutil.rmtree(fresh)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class Broker:
    """A broker of one node with its logs in `directory`; it has the same address whenever it is started."""

    def __init__(
        self, directory: Path, settings: Mapping[str, str] | None = None, listeners: Sequence[str] = ()
    ) -> None:
        self._directory = directory
        self._classes = f"{distribution()}/*"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        more = "".join(f",{listener}" for listener in listeners)
        text = PROPERTIES.format(port=self.port, controller=free_port(), log=directory / "log", more=more)
        self._config = directory / "server.properties"
        self._config.write_text(text + "".join(f"{name}={value}\n" for name, value in (settings or {}).items()))
        self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(self._config)).wait()

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _java(self, main: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self._directory / "out").open("ab") as out:
            return subprocess.Popen(
                ["java", "-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", self._classes, main, *arguments],
                stdout=out,
                stderr=out,
                cwd=self._directory,
            )

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        self._process = self._java("kafka.Kafka", str(self._config))
        deadline = time.monotonic() + START_TIMEOUT_S
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise NoBrokerError(f"the broker ended: {(self._directory / 'out').read_text()[-2000:]}")
            try:
                if admin.list_topics(timeout=2).brokers:
                    return
            except KafkaException:
                time.sleep(0.1)
        raise NoBrokerError("the broker did not answer in time")

    def kill(self) -> None:
        """Ends the process in the midst of whatever it does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends the process as an operator would."""
        self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(60)
            self._process = None
