"""The command line: `pgstream serve`, and what else a module of ours offers as a command."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pgstream import __version__
from pgstream.compiling import compile_kernels
from pgstream.config import load
from pgstream.errors import SqlError
from pgstream.logs import Log
from pgstream.world import RealWorld

EXIT_FAILED = 1
EXIT_USAGE = 2


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: its line of help, its flags, and what it does (which returns the exit status)."""

    help: str
    add_flags: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def _serve_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="DIR", help="where the data is (default: ./pgstream-data)")
    parser.add_argument("--listen", metavar="HOST:PORT", help="where to listen (default: 127.0.0.1:7432)")
    parser.add_argument("--memory", metavar="SIZE", help="how much state may stay in memory (default: 4GB)")
    parser.add_argument("--max-connections", metavar="N", help="how many clients at once (default: 100)")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error (default: info)")
    parser.add_argument(
        "--secret-key-file", metavar="FILE", help="the key of secrets (default: secrets.key where the data is)"
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="a TOML file with these settings")


def _serve(arguments: argparse.Namespace) -> int:
    flags = {name: value for name, value in vars(arguments).items() if name not in ("config", "command")}
    config = load(flags, file=arguments.config)
    world = RealWorld()
    log = Log(world, level=config.log_level)
    compile_kernels(log.info)
    from pgstream.server import run  # imports every kernel

    run(config, world, log)
    return 0


def _demo_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", metavar="N", type=float, help="stop after so long (default: at Ctrl-C)")
    parser.add_argument("--rate", metavar="N", type=int, default=2000, help="events a second (default: 2000)")


def _demo(arguments: argparse.Namespace) -> int:
    from pgstream.demo import run

    compile_kernels(print)
    return run(arguments.seconds, arguments.rate)


def _run_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "script", metavar="FILE", type=Path, help="a file of SQL statements; - reads them from standard input"
    )
    parser.add_argument("--dialect", metavar="NAME", default="postgresql", help="whose SQL it is (default: postgresql)")
    parser.add_argument("--data-dir", metavar="DIR", type=Path, help="where to keep the data (default: nowhere)")


def _run(arguments: argparse.Namespace) -> int:
    try:
        given = sys.stdin.buffer.read() if str(arguments.script) == "-" else arguments.script.read_bytes()
        text = given.decode()
    except OSError as error:
        print(f"pgstream: there is no file {arguments.script}: {error.strerror}", file=sys.stderr)
        return EXIT_USAGE
    except UnicodeDecodeError as error:
        print(f"pgstream: {arguments.script} is no text in UTF-8: byte {error.start} is wrong", file=sys.stderr)
        return EXIT_USAGE
    compile_kernels(lambda line: print(line, file=sys.stderr))
    from pgstream.script import run

    return run(str(arguments.script), text, arguments.dialect, arguments.data_dir)


def _compile(arguments: argparse.Namespace) -> int:
    compile_kernels(print)
    return 0


def _bench_flags(parser: argparse.ArgumentParser) -> None:
    from pgstream.bench.flags import add_flags

    add_flags(parser)


def _bench(arguments: argparse.Namespace) -> int:
    from pgstream.bench.nexmark import run

    return run(arguments)


COMMANDS: dict[str, Command] = {
    "serve": Command("run the database server", _serve_flags, _serve),
    "run": Command("run a file of statements to the end of its sources", _run_flags, _run),
    "demo": Command("watch views of a live auction house change", _demo_flags, _demo),
    "compile": Command("compile the kernels now, so that the first start need not", lambda parser: None, _compile),
    "bench": Command("measure how fast queries are on this machine", _bench_flags, _bench),
}


class _Parser(argparse.ArgumentParser):
    """Errors are one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"pgstream: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(EXIT_USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pgstream",
        description="A streaming database that every Postgres client already knows how to use.",
        epilog="Each setting of serve is also an environment variable, such as PGSTREAM_DATA_DIR, and a key of the "
        "TOML file. A flag beats the environment, the environment beats the file. PGSTREAM_PASSWORD sets the password "
        "that connections from other machines need.",
    )
    parser.add_argument("--version", action="version", version=f"pgstream {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, command in COMMANDS.items():
        command.add_flags(subparsers.add_parser(name, help=command.help, description=command.help))
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    arguments = _parser().parse_args(words)
    try:
        return COMMANDS[arguments.command].run(arguments)
    except SqlError as error:
        more = " ".join(text for text in (error.detail, error.hint) if text)
        print(f"pgstream: {error.message}{f' ({more})' if more else ''}", file=sys.stderr)
        return EXIT_USAGE if error.sqlstate == "F0000" else EXIT_FAILED
    except KeyboardInterrupt:
        return 130
