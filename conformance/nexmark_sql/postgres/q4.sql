WITH winning AS (
  SELECT a.id, a.category, max(b.price) AS final
  FROM auction a JOIN bid b ON b.auction = a.id AND b.date_time >= a.date_time AND b.date_time <= a.expires
  GROUP BY a.id, a.category)
SELECT category, avg(final) FROM winning GROUP BY category
