-- Create a table of timestamped events.
CREATE TABLE events (
    content TEXT,
    event_ts TIMESTAMP
);

-- Create a view of events from the last 30 seconds.
CREATE VIEW last_30_sec AS
SELECT event_ts, content
FROM events
WHERE mz_now() <= event_ts + INTERVAL '30s';

COPY (SUBSCRIBE (SELECT event_ts, content FROM last_30_sec)) TO STDOUT;

INSERT INTO events VALUES (
    'hello',
    now()
);
