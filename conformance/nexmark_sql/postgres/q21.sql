SELECT auction, bidder, price, channel, id
FROM bid, LATERAL (SELECT coalesce(
  array_position(ARRAY['apple', 'google', 'facebook', 'baidu'], lower(channel))::int - 1 || '',
  (regexp_match(url, '(&|^)channel_id=([^&]*)'))[2])) AS channels (id)
WHERE id IS NOT NULL
