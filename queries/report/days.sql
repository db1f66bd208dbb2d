-- Every trade date of the refined table, and how many tickers have it.
SELECT trade_date, count(*) AS tickers
FROM b3_daily_quotes_refined
GROUP BY trade_date
ORDER BY trade_date
