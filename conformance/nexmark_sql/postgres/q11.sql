WITH gaps AS (
  SELECT bidder, date_time,
    date_time >= lag(date_time) OVER (PARTITION BY bidder ORDER BY date_time) + interval '10 s' AS apart FROM bid),
numbered AS (
  SELECT bidder, date_time, count(*) FILTER (WHERE apart) OVER (PARTITION BY bidder ORDER BY date_time) AS session FROM gaps)
SELECT bidder, count(*), min(date_time), max(date_time) + interval '10 s' FROM numbered GROUP BY bidder, session
