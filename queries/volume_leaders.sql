-- The ten most traded tickers of the last 20 sessions: shares and BRL (close times shares) in a mean session.
WITH recent AS (
    SELECT DISTINCT dt FROM b3_daily_quotes_refined ORDER BY dt DESC LIMIT 20
)
SELECT
    r.ticker,
    count(*) AS sessions,
    avg(r.total_volume) AS mean_shares,
    avg(r.total_volume * r.close_price) AS mean_turnover_brl
FROM b3_daily_quotes_refined AS r
JOIN recent AS d ON r.dt = d.dt
WHERE r.ticker <> 'IBOV'
GROUP BY r.ticker
ORDER BY mean_turnover_brl DESC, r.ticker
LIMIT 10
