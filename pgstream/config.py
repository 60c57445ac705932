"""What a server is told at its start: flags before environment before file before defaults.

Each setting is a field of `Config`; its flag is `--field-name`, its variable PGSTREAM_FIELD_NAME, its TOML key
`field_name`.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pgstream.errors import ConfigFileError

DEFAULT_PORT = 7432
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)", re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of `pgstream serve`. `listen` is host:port; `memory_bytes` is what may stay resident."""

    data_dir: Path = Path("pgstream-data")
    listen: str = f"127.0.0.1:{DEFAULT_PORT}"
    memory_bytes: int = 4 << 30
    password: str = ""
    max_connections: int = 100
    log_level: str = "info"
    secret_key_file: Path | None = None

    @property
    def host(self) -> str:
        return split_address(self.listen)[0]

    @property
    def port(self) -> int:
        return split_address(self.listen)[1]


_NAMES = {"memory_bytes": "memory"}
"""Fields whose outside name differs."""


def outside_names() -> dict[str, str]:
    """The name a user gives a setting, by field."""
    return {field.name: _NAMES.get(field.name, field.name) for field in fields(Config)}


def load(
    flags: Mapping[str, str | None], environment: Mapping[str, str] | None = None, file: Path | None = None
) -> Config:
    """The configuration, each setting from the first place that has it. Raises ConfigFileError."""
    environment = os.environ if environment is None else environment
    in_file = {} if file is None else _file_settings(file)
    config = Config()
    for field, name in outside_names().items():
        variable = f"PGSTREAM_{name.upper()}"
        places = (
            (flags.get(name), f"--{name.replace('_', '-')}"),
            (environment.get(variable), variable),
            (in_file.get(name), f"{file}: {name}"),
        )
        for value, origin in places:
            if value is not None:
                config = replace(config, **{field: _converted(field, str(value), origin)})
                break
    return config


def _file_settings(file: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigFileError(f"cannot read {file}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigFileError(f"{file}: {error}") from None
    unknown = sorted(set(found) - set(outside_names().values()))
    if unknown:
        raise ConfigFileError(f"{file}: unknown setting {unknown[0]}")
    return found


def _converted(field: str, text: str, origin: str) -> Any:
    try:
        if field == "memory_bytes":
            return bytes_of(text)
        if field == "max_connections":
            return positive(text)
        if field == "listen":
            split_address(text)
        if field == "log_level" and text not in ("debug", "info", "warning", "error"):
            raise ValueError(f'"{text}" is none of debug, info, warning, error')
        return Path(text).expanduser() if field in ("data_dir", "secret_key_file") else text
    except ValueError as error:
        raise ConfigFileError(f"{origin}: {error}") from None


def positive(text: str) -> int:
    """A number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f'"{text}" is not a positive number')
    return int(text)


def bytes_of(text: str) -> int:
    """`4GB`, `512MB`, `1073741824`: a number of bytes, in units of 1024."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is not a size such as 512MB or 4GB')
    number, unit = found.groups()
    return int(float(number) * 1024 ** _UNITS[unit.lower().rstrip("b").rstrip("i")])


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`, `[::1]:port`, `host` or `:port`. Port 0 asks for any free port."""
    bare = text.startswith("[") and text.endswith("]")
    host, colon, port = (text, "", "") if bare else text.rpartition(":")
    if not colon:
        host, port = text, str(DEFAULT_PORT)
    if not port.isdigit() or int(port) > 65535:
        raise ValueError(f'"{text}" is not an address such as 127.0.0.1:{DEFAULT_PORT}')
    return host.strip("[]") or "127.0.0.1", int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
