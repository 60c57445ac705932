"""A broker with doors for those who say who they are: SASL with or without TLS, and TLS that asks for a certificate."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from pgstream.testing.kafka_broker import Broker, NoBrokerError, free_port

USER, PASSWORD = "alice", "correct-horse-battery"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
DOORS = ("SASL_PLAINTEXT", "SASL_SSL", "SSL")


@dataclass(frozen=True, slots=True)
class SecuredBroker:
    """A broker, the port of each door, and the folder of the certificates that its doors know."""

    broker: Broker
    ports: dict[str, int]
    certificates: Path

    def servers(self, door: str) -> str:
        return f"127.0.0.1:{self.ports[door]}"

    def pem(self, name: str) -> str:
        """The text of `ca.pem`, `client.pem` or `client.key`."""
        return (self.certificates / name).read_text()


def secured_broker(directory: Path) -> SecuredBroker:
    """A broker that runs, and knows USER by each of MECHANISMS. Raises NoBrokerError."""
    certificates = directory / "certificates"
    certificates.mkdir(parents=True)
    make_certificates(certificates)
    ports = {door: free_port() for door in DOORS}
    listeners = [f"{door}://127.0.0.1:{port}" for door, port in ports.items()]
    broker = Broker(directory / "broker", settings_of(certificates), listeners)
    broker.start()
    _add_users(broker)
    return SecuredBroker(broker, ports, certificates)


def settings_of(certificates: Path) -> dict[str, str]:
    """What of the broker's settings is about the doors."""
    settings = {
        "listener.security.protocol.map": ",".join(f"{door}:{door}" for door in ("PLAINTEXT", *DOORS))
        + ",CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates / "server.both"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates / "ca.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
    }
    modules = "org.apache.kafka.common.security"
    for door in ("sasl_plaintext", "sasl_ssl"):
        for mechanism in MECHANISMS:
            known = f' username="x" password="x" user_{USER}="{PASSWORD}"' if mechanism == "PLAIN" else ""
            login = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
            key = f"listener.name.{door}.{mechanism.lower()}.sasl.jaas.config"
            settings[key] = f"{modules}.{login} required{known};"
    return settings


def _add_users(broker: Broker) -> None:
    from confluent_kafka import admin

    client = admin.AdminClient({"bootstrap.servers": broker.servers, "log_level": 0})
    for kind in (admin.ScramMechanism.SCRAM_SHA_256, admin.ScramMechanism.SCRAM_SHA_512):
        told = admin.ScramCredentialInfo(kind, 4096)
        wanted = [admin.UserScramCredentialUpsertion(USER, told, PASSWORD.encode())]
        for future in client.alter_user_scram_credentials(wanted).values():
            future.result(30)


def make_certificates(folder: Path) -> None:
    """An authority, and certificates of it for a server at 127.0.0.1 and for a client. Raises NoBrokerError."""
    _openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority",
             "-keyout", "ca.key", "-out", "ca.pem")  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        _openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
                 "-CAcreateserial", "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip
    both = (folder / "server.key").read_text() + (folder / "server.pem").read_text()
    (folder / "server.both").write_text(both)


def _openssl(folder: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], cwd=folder, check=False, capture_output=True, timeout=60)
    except FileNotFoundError:
        raise NoBrokerError("openssl is not installed") from None
    if done.returncode:
        raise NoBrokerError(f"openssl failed: {done.stderr.decode(errors='replace')[-300:]}")
