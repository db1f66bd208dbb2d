-- Return of every ticker in every month, per cent, with dividends and splits; null after a month without its end.
-- It counts from the close of the last session of the month before: the last day that any ticker of the lake has, and no
-- earlier than the last weekday but for Carnival, the year's end, Good Friday and Corpus Christi.
WITH months AS (
    SELECT
        ticker,
        CAST(date_trunc('month', trade_date) AS date) AS month_start,
        max(trade_date) AS last_date,
        max_by(adj_close_price, trade_date) AS last_close,
        count(*) AS sessions
    FROM b3_daily_history
    WHERE adj_close_price IS NOT NULL
    GROUP BY ticker, CAST(date_trunc('month', trade_date) AS date)
),
ended AS (
    SELECT
        ticker,
        month_start,
        last_date,
        last_close,
        sessions,
        last_date = max(last_date) OVER (PARTITION BY month_start) AS has_end
    FROM months
),
compared AS (
    SELECT
        ticker,
        month_start,
        sessions,
        last_close,
        lag(last_close) OVER (PARTITION BY ticker ORDER BY month_start) AS close_before,
        lag(has_end) OVER (PARTITION BY ticker ORDER BY month_start) AS had_end,
        date_diff('day', lag(last_date) OVER (PARTITION BY ticker ORDER BY month_start), month_start) AS days_since,
        CASE extract(DOW FROM month_start) WHEN 1 THEN 3 WHEN 0 THEN 2 WHEN 7 THEN 2 ELSE 1 END
            + CASE month(month_start) WHEN 1 THEN 3 WHEN 3 THEN 4 WHEN 4 THEN 1 WHEN 6 THEN 1 ELSE 0 END AS days_allowed
    FROM ended
)
SELECT
    ticker,
    month_start,
    sessions,
    CASE WHEN had_end AND days_since <= days_allowed THEN 100 * (last_close / close_before - 1) END AS return_pct
FROM compared
ORDER BY ticker, month_start
