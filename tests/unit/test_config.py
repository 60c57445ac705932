"""Settings of the server: where each comes from, and one-line errors."""

from pathlib import Path

import pytest

from pgstream.cli import main
from pgstream.config import bytes_of, is_loopback, load, split_address
from pgstream.errors import ConfigFileError
from pgstream.logs import quoted


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "pgstream.toml"
    file.write_text('listen = "127.0.0.1:1"\nmemory = "1GB"\nmax_connections = 7\n')
    config = load({"listen": "127.0.0.1:3"}, {"PGSTREAM_LISTEN": "127.0.0.1:2", "PGSTREAM_MEMORY": "2GB"}, file)
    assert (config.listen, config.memory_bytes, config.max_connections) == ("127.0.0.1:3", 2 << 30, 7)
    assert config.data_dir == Path("pgstream-data")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("memory = 'lots'", '"lots" is not a size such as 512MB or 4GB'),
        ("listen = 'here:there'", '"here:there" is not an address'),
        ("max_connections = 0", '"0" is not a positive number'),
        ("speed = 1", "unknown setting speed"),
        ("x = ", "Invalid value"),
    ],
)
def test_errors_of_a_file(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "pgstream.toml"
    file.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        load({}, {}, file)
    assert message in caught.value.message
    assert str(file) in caught.value.message


@pytest.mark.parametrize("words", [[], ["dance"], ["serve", "--port", "1"], ["serve", "--memory", "lots"]])
def test_bad_flags_are_one_line_and_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(words)
    except SystemExit as exit:
        status = int(str(exit.code))
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith("pgstream: ")
    assert error.count("\n") == 1


def test_parts() -> None:
    assert bytes_of("4GB") == bytes_of("4096MiB") == 4 << 30
    assert bytes_of("1.5k") == 1536
    assert split_address("[::1]:5") == ("::1", 5)
    assert split_address("localhost") == ("localhost", 7432)
    assert split_address(":0") == ("127.0.0.1", 0)
    assert is_loopback("127.0.0.5")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert quoted("a b") == '"a b"'
    assert quoted("x\ny") == '"x\\ny"'
