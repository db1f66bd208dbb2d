-- Where the bronze bars come from: how many of each source.
SELECT coalesce(source, 'unknown') AS source, count(*) AS bars
FROM b3_daily_quotes
GROUP BY coalesce(source, 'unknown')
ORDER BY bars DESC, source
