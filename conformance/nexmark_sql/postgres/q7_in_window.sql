WITH tops AS (
  SELECT date_bin('10 s', date_time, '1970-01-01') AS start, max(price) AS price FROM bid GROUP BY 1)
SELECT DISTINCT bid.auction, bid.bidder, bid.price, start
FROM bid JOIN tops ON bid.price = tops.price AND date_bin('10 s', date_time, '1970-01-01') = start
