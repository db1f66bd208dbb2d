-- Correlation of the daily returns of every two tickers, over the days that both traded (20 or more), highest first.
-- For one pair, add to the last WHERE: AND a.ticker = 'PETR4' AND b.ticker = 'VALE3' (in alphabetical order).
WITH returns AS (
    SELECT
        ticker,
        trade_date,
        adj_close_price / lag(adj_close_price) OVER (PARTITION BY ticker ORDER BY trade_date) - 1 AS daily_return
    FROM b3_daily_quotes_compact
    WHERE adj_close_price > 0
)
SELECT
    a.ticker,
    b.ticker AS other_ticker,
    count(*) AS sessions,
    corr(a.daily_return, b.daily_return) AS correlation
FROM returns AS a
JOIN returns AS b ON a.trade_date = b.trade_date AND a.ticker < b.ticker
WHERE a.daily_return IS NOT NULL AND b.daily_return IS NOT NULL
GROUP BY a.ticker, b.ticker
HAVING count(*) >= 20
ORDER BY correlation DESC, a.ticker, b.ticker
