-- Latest close of every ticker, with its average over five sessions and its change since the session before.
WITH ranked AS (
    SELECT
        ticker,
        trade_date,
        close_price,
        close_ma_5,
        close_delta,
        row_number() OVER (PARTITION BY ticker ORDER BY trade_date DESC) AS newness,
        count(*) OVER (PARTITION BY ticker) AS sessions
    FROM b3_daily_history
)
SELECT ticker, trade_date, close_price, close_ma_5, close_delta, sessions
FROM ranked
WHERE newness = 1
ORDER BY ticker
