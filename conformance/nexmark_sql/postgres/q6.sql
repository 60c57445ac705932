WITH winning AS (
  SELECT DISTINCT ON (a.id) a.id, a.seller, b.price, b.date_time
  FROM auction a JOIN bid b ON b.auction = a.id AND b.date_time >= a.date_time AND b.date_time <= a.expires
  ORDER BY a.id, b.price DESC, b.date_time)
SELECT seller, avg(price) OVER (PARTITION BY seller ORDER BY date_time ROWS 10 PRECEDING) FROM winning
