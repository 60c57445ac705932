"""A schema registry of one process, as Confluent's answers."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class MockRegistry:
    """Schemas by number and subject. `url` is where it is asked, with the header `authorization` if one is wanted."""

    def __init__(self, authorization: str | None = None) -> None:
        self.schemas: list[str] = []
        self.subjects: dict[str, list[int]] = {}
        self.authorization = authorization
        registry = self

        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self, None)

            def do_POST(self) -> None:
                registry.answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def register(self, subject: str, schema: str) -> int:
        """The number of a schema."""
        if schema not in self.schemas:
            self.schemas.append(schema)
        number = self.schemas.index(schema) + 1
        self.subjects.setdefault(subject, []).append(number)
        return number

    def answer(self, request: BaseHTTPRequestHandler, body: Any) -> None:
        """Answers a request."""
        code, told = self._answered(request.path.strip("/").split("/"), body)
        if self.authorization is not None and request.headers.get("Authorization") != self.authorization:
            code, told = 401, {}
        request.send_response(code)
        request.end_headers()
        request.wfile.write(json.dumps(told).encode())

    def _answered(self, path: list[str], body: Any) -> tuple[int, Any]:
        match path:
            case ["subjects"]:
                return 200, list(self.subjects)
            case ["subjects", subject, "versions"] if body is not None:
                return 200, {"id": self.register(subject, body["schema"])}
            case ["subjects", subject, "versions", "latest"] if subject in self.subjects:
                number = self.subjects[subject][-1]
                return 200, {"id": number, "schema": self.schemas[number - 1]}
            case ["schemas", "ids", number] if 0 < int(number) <= len(self.schemas):
                return 200, {"schema": self.schemas[int(number) - 1]}
        return 404, {}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
