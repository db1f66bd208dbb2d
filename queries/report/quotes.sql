-- The quotes of the newest sessions ({sessions} of them), for the page.
WITH sessions AS (
    SELECT DISTINCT dt FROM b3_daily_quotes_refined ORDER BY dt DESC LIMIT {sessions}
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
FROM b3_daily_quotes_refined AS r
JOIN sessions AS s ON r.dt = s.dt
ORDER BY r.ticker, r.trade_date
