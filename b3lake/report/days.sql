-- Every trade date of the refined rows, and how many tickers have it.
SELECT trade_date, count(*) AS tickers
FROM {table}
GROUP BY trade_date
ORDER BY trade_date
