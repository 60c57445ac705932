SELECT auction, bidder, price, channel, parts[4], parts[5], parts[6]
FROM bid, string_to_array(url, '/') AS parts
