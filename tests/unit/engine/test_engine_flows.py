"""What pgstream_sources tells of a source's pace."""

from pgstream.engine.flows import Flow


def test_a_rate_is_over_the_time_that_there_was() -> None:
    flow = Flow()
    assert flow.rate(100.0) == 0.0
    for tenth in range(21):
        flow.came(50, 0, 100.0 + tenth / 10)
    assert flow.rate(102.0) == 1050 / 2
    assert flow.rate(100.1 + 10) == 50 * 20 / 10, "what was longer ago than ten seconds counts no more"
    assert flow.rate(200.0) == 0.0


def test_a_first_batch_is_of_a_second() -> None:
    flow = Flow()
    flow.came(50, 0, 100.0)
    assert flow.rate(100.0) == 50.0
