"""The tick loop: one thread that owns every circuit and the only write transaction."""

from pgstream.engine.engine import Engine, OpenDatabase
from pgstream.engine.outcome import Notice, Outcome
from pgstream.engine.reading import Result, Snapshot
from pgstream.engine.sharing import repeatable

__all__ = ["Engine", "Notice", "OpenDatabase", "Outcome", "Result", "Snapshot", "repeatable"]
