-- The ten most traded tickers of the last 20 sessions: mean shares and BRL (B3's, or close times shares).
WITH recent AS (
    SELECT DISTINCT trade_date FROM b3_daily_history ORDER BY trade_date DESC LIMIT 20
)
SELECT
    r.ticker,
    count(*) AS sessions,
    avg(r.total_volume) AS mean_shares,
    avg(coalesce(r.turnover, r.total_volume * r.close_price)) AS mean_turnover_brl
FROM b3_daily_history AS r
JOIN recent AS d ON r.trade_date = d.trade_date
WHERE r.ticker <> 'IBOV'
GROUP BY r.ticker
ORDER BY mean_turnover_brl DESC, r.ticker
LIMIT 10
