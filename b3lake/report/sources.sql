-- Where the bronze bars of {day} come from: how many of each source. Of some tickers: a lake never mixes
-- real and invented bars, and each is an object to open.
SELECT coalesce(source, 'unknown') AS source, count(*) AS bars
FROM b3_daily_quotes
WHERE dt = DATE '{day}' AND ticker IN ({tickers})
GROUP BY coalesce(source, 'unknown')
ORDER BY bars DESC, source
