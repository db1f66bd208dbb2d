-- What each member added to its index on the newest day of a portfolio, in percentage points: weight times return.
-- A portfolio's weights are those with which its day begins. NULL: the lake has no return of this member on that day.
WITH newest AS (
    SELECT p.index, max(p.day) AS day
    FROM b3_index_portfolio AS p
    JOIN b3_daily_history AS h ON h.ticker = p.ticker AND h.trade_date = p.day
    GROUP BY p.index
)
SELECT
    p.index,
    p.day,
    p.ticker,
    p.weight AS weight_pct,
    100 * h.daily_return AS return_pct,
    p.weight * h.daily_return AS contribution_pct
FROM b3_index_portfolio AS p
JOIN newest AS n ON n.index = p.index AND n.day = p.day
LEFT JOIN b3_daily_history AS h ON h.ticker = p.ticker AND h.trade_date = p.day
ORDER BY p.index, contribution_pct DESC NULLS LAST, p.ticker
