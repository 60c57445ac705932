SELECT auction, bidder, 0.908 * price,
  CASE WHEN hour BETWEEN 8 AND 18 THEN 'dayTime' WHEN hour <= 6 OR hour >= 20 THEN 'nightTime' ELSE 'otherTime' END,
  date_time, extra, length(regexp_replace(extra, '[^c]', '', 'g'))
FROM bid, extract(hour FROM date_time) AS hour
WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000
