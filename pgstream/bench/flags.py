"""The flags of `pgstream bench`, apart from what they start, so that `pgstream --help` stays quick."""

import argparse
import os
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `pgstream bench`."""
    parser.add_argument("benchmark", choices=["nexmark"], help="what to run")
    parser.add_argument("--events", metavar="N", type=int, default=1_000_000, help="events to make (default: 1000000)")
    parser.add_argument("--queries", metavar="LIST", default="", help="such as q0,q4 (default: all)")
    parser.add_argument("--input", choices=["json", "parquet", "generator"], default="json", help="default: json")
    parser.add_argument("--into", choices=["blackhole", "view"], default="blackhole", help="default: blackhole")
    parser.add_argument("--runs", metavar="N", type=int, default=3, help="runs of each query (default: 3)")
    parser.add_argument("--timeout", metavar="S", type=int, default=600, help="seconds a run may take (default: 600)")
    parser.add_argument("--output", choices=["table", "json"], default="table", help="default: table")
    parser.add_argument("--cache", metavar="DIR", type=Path, default=default_cache(), help="where input files are kept")


def default_cache() -> Path:
    """Where input files are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pgstream" / "nexmark"
