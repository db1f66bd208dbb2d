-- Volatility of every ticker over its last 252 sessions: standard deviation of daily log returns, per cent a year.
WITH newest AS (
    SELECT
        ticker,
        ln(1 + daily_return) AS log_return,
        row_number() OVER (PARTITION BY ticker ORDER BY trade_date DESC) AS newness
    FROM b3_daily_history
    WHERE adj_close_price > 0
)
SELECT
    ticker,
    count(*) AS daily_returns,
    100 * stddev_samp(log_return) * sqrt(252) AS volatility_pct
FROM newest
WHERE newness <= 252 AND log_return IS NOT NULL
GROUP BY ticker
HAVING count(*) > 1
ORDER BY volatility_pct DESC, ticker
