WITH windows AS (
  SELECT auction, start FROM bid, generate_series(
    date_bin('2 s', date_time, '1970-01-01') - interval '8 s', date_bin('2 s', date_time, '1970-01-01'), '2 s') AS start),
counts AS (SELECT start, auction, count(*) AS num FROM windows GROUP BY start, auction),
ranked AS (SELECT auction, num, rank() OVER (PARTITION BY start ORDER BY num DESC) FROM counts)
SELECT auction, num FROM ranked WHERE rank = 1
