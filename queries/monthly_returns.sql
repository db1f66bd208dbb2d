-- Return of every ticker in every month, per cent, with dividends and splits; null without the month before.
WITH months AS (
    SELECT
        ticker,
        CAST(date_trunc('month', trade_date) AS date) AS month_start,
        max_by(adj_close_price, trade_date) AS last_close,
        count(*) AS sessions
    FROM b3_daily_history
    WHERE adj_close_price IS NOT NULL
    GROUP BY ticker, CAST(date_trunc('month', trade_date) AS date)
),
compared AS (
    SELECT
        ticker,
        month_start,
        sessions,
        last_close,
        lag(month_start) OVER (PARTITION BY ticker ORDER BY month_start) AS month_before,
        lag(last_close) OVER (PARTITION BY ticker ORDER BY month_start) AS close_before
    FROM months
)
SELECT
    ticker,
    month_start,
    sessions,
    CASE
        WHEN month_before + INTERVAL '1' MONTH = month_start THEN 100 * (last_close / close_before - 1)
    END AS return_pct
FROM compared
ORDER BY ticker, month_start
