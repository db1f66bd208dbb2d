-- Gaps: days on which some ticker traded and this one, between its first and last day in the lake, has no row.
WITH sessions AS (
    SELECT DISTINCT trade_date FROM b3_daily_history
),
spans AS (
    SELECT ticker, min(trade_date) AS first_date, max(trade_date) AS last_date
    FROM b3_daily_history
    GROUP BY ticker
)
SELECT t.ticker, s.trade_date AS missing_date
FROM spans AS t
JOIN sessions AS s ON s.trade_date BETWEEN t.first_date AND t.last_date
LEFT JOIN b3_daily_history AS r ON r.ticker = t.ticker AND r.trade_date = s.trade_date
WHERE r.ticker IS NULL
ORDER BY t.ticker, s.trade_date
