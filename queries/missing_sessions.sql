-- Gaps: days on which some ticker traded and this one, between its first and last day in the lake, has no row.
WITH sessions AS (
    SELECT trade_date, row_number() OVER (ORDER BY trade_date) AS number
    FROM (SELECT DISTINCT trade_date FROM b3_daily_history) AS days
),
numbered AS (
    SELECT ticker, dense_rank() OVER (ORDER BY trade_date) AS number FROM b3_daily_history
),
steps AS (
    SELECT ticker, number, lag(number) OVER (PARTITION BY ticker ORDER BY number) AS number_before FROM numbered
)
SELECT t.ticker, s.trade_date AS missing_date
FROM steps AS t
JOIN sessions AS s ON s.number > t.number_before AND s.number < t.number
WHERE t.number > t.number_before + 1
ORDER BY t.ticker, s.trade_date
