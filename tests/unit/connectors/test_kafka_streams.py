"""Partitions of a topic that were not read yet hold the watermark; to tell them nobody asks a broker."""

from pgstream.connectors import create_source
from pgstream.connectors.source import Partitioned
from pgstream.formats.format import Field
from pgstream.types.definition import SqlType
from pgstream.world import RealWorld


def test_partitions_at_their_start_are_waited_for() -> None:
    options = {"connector": "kafka", "topic": "t", "bootstrap.servers": "nowhere:1", "format": "json"}
    start = {"pgstream.start": '{"0": 5, "1": 0}'}
    fields = (Field("a", SqlType("int4")),)
    source = create_source({**options, **start}, fields, world=RealWorld(), created_us=0)
    assert isinstance(source, Partitioned)
    assert source.streams(source.start()) == ({"t/0", "t/1"}, False)
    assert source.streams(b'{"0": 6, "1": 0, "2": 0}') == ({"t/1"}, False)
