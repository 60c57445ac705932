CREATE TABLE bids (
  datetime TIMESTAMP,
  auction BIGINT,
  bidder BIGINT,
  price BIGINT,
  extra TEXT
) WITH (
  connector = 'single_file',
  path = '$input_dir/nexmark_bids.json',
  format = 'json',
  type = 'source',
  event_time_field = 'datetime'
);
CREATE TABLE highest_bids (
  auction BIGINT,
  bidder BIGINT,
  price BIGINT
) WITH (
  connector = 'single_file',
  path = '$output_path',
  format = 'json',
  type = 'sink'
);

INSERT INTO highest_bids
SELECT Bids.auction, Bids.bidder, Bids.price
FROM (
  SELECT auction, bidder, price, tumble(interval '10 seconds') AS window
  FROM bids
  GROUP BY auction, bidder, price, window
) AS Bids
JOIN (
  SELECT max(price) AS maxprice, tumble(interval '10 seconds') AS window
  FROM bids
  GROUP BY window
) AS MaxBids
ON Bids.window = MaxBids.window AND Bids.price = MaxBids.maxprice;
