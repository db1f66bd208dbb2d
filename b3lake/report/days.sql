-- Every trade date of the history, and how many tickers have it.
SELECT trade_date, count(*) AS tickers
FROM b3_daily_history
GROUP BY trade_date
ORDER BY trade_date
