SELECT DISTINCT person.id, person.name, date_bin('10 s', person.date_time, '1970-01-01')
FROM person
WHERE EXISTS (
  SELECT FROM auction
  WHERE seller = person.id
    AND date_bin('10 s', auction.date_time, '1970-01-01') = date_bin('10 s', person.date_time, '1970-01-01'))
