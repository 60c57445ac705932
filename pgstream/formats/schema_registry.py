"""Confluent's schema registry, and schemas in files: where formats with schemas find them."""

import base64
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgstream.errors import InvalidParameterValue, IoError
from pgstream.formats.options import option

TIMEOUT_S = 10.0
MAGIC = 0
HEAD_BYTES = 5
"""Of a message with a schema's number: a zero, and the number in four bytes."""


@dataclass(frozen=True, kw_only=True)
class RegistryOptions:
    """WITH options of formats whose schemas a registry may hold."""

    registry: str | None = option(
        "schema.registry", "schema_registry.endpoint", default=None, doc="The schema registry's URL."
    )
    user: str | None = option(
        "schema.registry.username", "schema_registry.api_key", default=None, doc="The registry's user."
    )
    password: str | None = option(
        "schema.registry.password", "schema_registry.api_secret", default=None, doc="The registry's password."
    )

    def opened_registry(self) -> "Registry | None":
        """The registry that is named, if any."""
        return None if self.registry is None else Registry(self.registry, self.user, self.password)


class Registry:
    """The registry at `url`; what it says of a number never changes, and is asked once. Thread-safe."""

    def __init__(self, url: str, user: str | None, password: str | None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
        if user is not None:
            word = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {word}"
        self._lock = threading.Lock()
        self._known: dict[int, str] = {}

    def schema(self, number: int) -> str:
        """The schema of a number. Raises IoError where the registry cannot be asked, or knows none."""
        with self._lock:
            if number not in self._known:
                self._known[number] = str(self._ask(f"/schemas/ids/{number}")["schema"])
            return self._known[number]

    def latest(self, subject: str) -> tuple[int, str]:
        """The number and the text of a subject's newest schema."""
        found = self._ask(f"/subjects/{urllib.parse.quote(subject, safe='')}/versions/latest")
        return int(found["id"]), str(found["schema"])

    def subjects(self) -> list[str]:
        """What schemas are registered as."""
        return [str(name) for name in self._ask("/subjects")]

    def register(self, subject: str, schema: str, kind: str) -> int:
        """The number of a schema, which is the subject's newest if it was not there."""
        body = {"schema": schema} if kind == "AVRO" else {"schema": schema, "schemaType": kind}
        path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
        return int(self._ask(path, json.dumps(body).encode())["id"])

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(self._url + path, data=body, headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise IoError(f"schema registry: {path}: {error.code} {error.reason}") from None
        except (OSError, ValueError) as error:
            raise IoError(f"could not ask the schema registry: {getattr(error, 'reason', error)}") from None


def read_schema(location: str) -> bytes:
    """The content of a schema's file: a path, or a file:// or http(s):// URL."""
    try:
        if location.startswith(("http://", "https://")):
            with urllib.request.urlopen(location, timeout=TIMEOUT_S) as answer:
                content: bytes = answer.read()
                return content
        return Path(location.removeprefix("file://")).read_bytes()
    except OSError as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", error)
        raise InvalidParameterValue(f'could not read schema "{location}": {reason}') from None
