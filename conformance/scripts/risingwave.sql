CREATE SOURCE events (
    event_time TIMESTAMP,
    id INT,
    WATERMARK FOR event_time AS event_time - INTERVAL '5 minutes'
) WITH (
    connector = 'posix_fs',
    posix_fs.root = '$input_dir/events.json'
) FORMAT PLAIN ENCODE JSON;

CREATE MATERIALIZED VIEW window_count AS
SELECT window_start, window_end, COUNT(*)
FROM TUMBLE(events, event_time, INTERVAL '1' MINUTE)
GROUP BY window_start, window_end
EMIT ON WINDOW CLOSE;

SELECT * FROM window_count ORDER BY window_start;

CREATE SINK sink1 FROM window_count
WITH (
   connector='kafka',
   properties.bootstrap.server='$broker',
   topic='test'
)
FORMAT PLAIN ENCODE JSON;
