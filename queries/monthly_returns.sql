-- Return of every ticker in every month, per cent, dividends and splits included, against the month before.
WITH months AS (
    SELECT
        ticker,
        CAST(date_trunc('month', trade_date) AS date) AS month_start,
        max_by(adj_close_price, trade_date) AS last_close,
        count(*) AS sessions
    FROM b3_daily_quotes_compact
    WHERE adj_close_price IS NOT NULL
    GROUP BY ticker, CAST(date_trunc('month', trade_date) AS date)
)
SELECT
    ticker,
    month_start,
    sessions,
    100 * (last_close / lag(last_close) OVER (PARTITION BY ticker ORDER BY month_start) - 1) AS return_pct
FROM months
ORDER BY ticker, month_start
