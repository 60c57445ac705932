WITH ranked AS (
  SELECT bid.*, to_char(date_time, 'YYYY-MM-DD') AS day, rank FROM bid, (VALUES (1, 0, 10000), (2, 10000, 1000000), (3, 1000000, NULL)) AS ranks (rank, low, high)
  WHERE price >= low AND (price < high OR high IS NULL))
SELECT day,
  count(auction) FILTER (WHERE true), count(auction) FILTER (WHERE rank = 1), count(auction) FILTER (WHERE rank = 2), count(auction) FILTER (WHERE rank = 3),
  count(DISTINCT bidder) FILTER (WHERE true), count(DISTINCT bidder) FILTER (WHERE rank = 1), count(DISTINCT bidder) FILTER (WHERE rank = 2), count(DISTINCT bidder) FILTER (WHERE rank = 3),
  count(DISTINCT auction) FILTER (WHERE true), count(DISTINCT auction) FILTER (WHERE rank = 1), count(DISTINCT auction) FILTER (WHERE rank = 2), count(DISTINCT auction) FILTER (WHERE rank = 3)
FROM ranked GROUP BY day
