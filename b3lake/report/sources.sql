-- Where the bronze bars come from: how many of each source since {since}. Without the bound every object is opened.
SELECT coalesce(source, 'unknown') AS source, count(*) AS bars
FROM b3_daily_quotes
WHERE dt >= DATE '{since}'
GROUP BY coalesce(source, 'unknown')
ORDER BY bars DESC, source
