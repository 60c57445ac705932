SELECT auction, bidder, price, channel, url, bid.date_time, bid.extra, item_name, description, initial_bid, reserve,
  a.date_time, expires, seller, category, a.extra
FROM (SELECT * FROM auction WHERE category = 10) a, bid WHERE a.id = bid.auction
