"""Options as Flink's connectors name them, made into ours: `value.format`, and the connector `upsert-kafka`."""

from dataclasses import replace

from pgstream.sql.streaming.options import Format, Option

_WITHOUT_EFFECT = ("value.fields-include", "sink.parallelism", "scan.parallelism", "key.json.ignore-parse-errors")


def understood(options: tuple[Option, ...], format: Format) -> tuple[tuple[Option, ...], Format]:
    """The options and the format of a statement of which some may be Flink's."""
    given = {option.name: option for option in options}
    connector = given.get("connector")
    if connector is None or format.format:
        return options, format
    upserts = connector.value == "upsert-kafka"
    made: list[Option] = []
    for option in options:
        if option is connector and upserts:
            made.append(replace(option, value="kafka"))
        elif option.name == "value.format" and upserts:
            format = Format("UPSERT", option.value.upper(), (), option.position)
        elif option.name.startswith("value.") and option.name not in _WITHOUT_EFFECT:
            made.append(replace(option, name=option.name.removeprefix("value.")))
        elif option.name == "format" and option.value == "debezium-json":
            made.append(replace(option, value="debezium_json"))
        elif option.name in _WITHOUT_EFFECT and connector.value.endswith("kafka"):
            continue
        elif option.name == "key.format" and option.value == "json":
            continue  # as keys are
        else:
            made.append(option)
    return tuple(made), format
