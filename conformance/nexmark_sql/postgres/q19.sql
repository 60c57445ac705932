SELECT auction.auction, top.*
FROM (SELECT DISTINCT auction FROM bid) auction, LATERAL (
  SELECT price, row_number() OVER (ORDER BY price DESC) FROM bid WHERE bid.auction = auction.auction
  ORDER BY price DESC LIMIT 10) top
