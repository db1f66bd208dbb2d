-- Correlation of the daily returns of every two tickers, over the days that both traded (20 or more), highest first.
-- For one pair, add to the WHERE: AND a.ticker = 'PETR4' AND b.ticker = 'VALE3' (in alphabetical order).
SELECT
    a.ticker,
    b.ticker AS other_ticker,
    count(*) AS sessions,
    corr(a.daily_return, b.daily_return) AS correlation
FROM b3_daily_history AS a
JOIN b3_daily_history AS b ON a.trade_date = b.trade_date AND a.ticker < b.ticker
WHERE a.daily_return IS NOT NULL AND b.daily_return IS NOT NULL
GROUP BY a.ticker, b.ticker
HAVING count(*) >= 20
ORDER BY correlation DESC, a.ticker, b.ticker
