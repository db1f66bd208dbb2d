-- Every day on which a close crossed its five-session average, upwards or downwards, newest first.
WITH compared AS (
    SELECT
        ticker,
        trade_date,
        close_price,
        close_ma_5,
        lag(close_price) OVER (PARTITION BY ticker ORDER BY trade_date) AS close_before,
        lag(close_ma_5) OVER (PARTITION BY ticker ORDER BY trade_date) AS average_before
    FROM b3_daily_history
)
SELECT
    ticker,
    trade_date,
    CASE WHEN close_price > close_ma_5 THEN 'up' ELSE 'down' END AS direction,
    close_price,
    close_ma_5
FROM compared
WHERE
    (close_before <= average_before AND close_price > close_ma_5)
    OR (close_before >= average_before AND close_price < close_ma_5)
ORDER BY trade_date DESC, ticker
