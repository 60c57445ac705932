SELECT DISTINCT ON (a.id) a.*, b.auction, b.bidder, b.price, b.date_time, b.extra
FROM auction a JOIN bid b ON b.auction = a.id AND b.date_time >= a.date_time AND b.date_time <= a.expires
ORDER BY a.id, b.price DESC, b.date_time
