"""Apache Kafka: topics as sources and sinks."""

from pgstream.connectors.connector import Connector, declare
from pgstream.connectors.kafka_options import KafkaOptions
from pgstream.connectors.kafka_sink import open_sink
from pgstream.connectors.kafka_source import open_source

KAFKA = declare(
    Connector(
        name="kafka",
        doc="Reads and writes topics of Apache Kafka, exactly once.",
        options=KafkaOptions,
        source=open_source,
        sink=open_sink,
        formats=True,
        aliases=("confluent",),
    )
)
