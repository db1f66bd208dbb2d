-- Where the bronze bars of {day} come from: how many of each source. Without the bound every object is opened.
SELECT coalesce(source, 'unknown') AS source, count(*) AS bars
FROM b3_daily_quotes
WHERE dt = DATE '{day}'
GROUP BY coalesce(source, 'unknown')
ORDER BY bars DESC, source
