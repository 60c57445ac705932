CREATE TABLE persons (
  datetime TIMESTAMP,
  id BIGINT,
  name TEXT
) WITH (
  connector = 'single_file',
  path = '$input_dir/nexmark_persons.json',
  format = 'json',
  type = 'source',
  event_time_field = 'datetime'
);
CREATE TABLE auctions (
  datetime TIMESTAMP,
  seller BIGINT
) WITH (
  connector = 'single_file',
  path = '$input_dir/nexmark_auctions.json',
  format = 'json',
  type = 'source',
  event_time_field = 'datetime'
);
CREATE TABLE new_sellers (
  id BIGINT,
  name TEXT,
  starttime TIMESTAMP
) WITH (
  connector = 'single_file',
  path = '$output_path',
  format = 'json',
  type = 'sink'
);

INSERT INTO new_sellers
SELECT P.id, P.name, P.window.start
FROM (
  SELECT id, name, tumble(interval '10 seconds') AS window
  FROM persons
  GROUP BY id, name, window
) AS P
JOIN (
  SELECT seller, tumble(interval '10 seconds') AS window
  FROM auctions
  GROUP BY seller, window
) AS A
ON P.id = A.seller AND P.window = A.window;
