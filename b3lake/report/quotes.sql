-- The quotes of the newest sessions ({sessions} of them), for the page.
WITH sessions AS (
    SELECT DISTINCT trade_date FROM b3_daily_history ORDER BY trade_date DESC LIMIT {sessions}
)
SELECT
    r.ticker,
    r.trade_date,
    r.open_price,
    r.high_price,
    r.low_price,
    r.close_price,
    r.total_volume,
    r.close_ma_5,
    r.close_delta
FROM b3_daily_history AS r
JOIN sessions AS s ON r.trade_date = s.trade_date
ORDER BY r.ticker, r.trade_date
