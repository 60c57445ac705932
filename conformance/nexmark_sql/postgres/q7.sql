WITH tops AS (
  SELECT date_bin('10 s', date_time, '1970-01-01') AS start, max(price) AS price FROM bid GROUP BY 1)
SELECT bid.auction, bid.bidder, bid.price, bid.date_time, bid.extra
FROM bid JOIN tops ON bid.price = tops.price AND bid.date_time >= start AND bid.date_time <= start + interval '10 s'
