-- Return of every ticker in every year beside what CDI paid over the same days, per cent, and what is left above CDI.
-- From the last close of the year before (or the first one there is) to the year's last. CDI's rate of a day is paid from
-- that day to the next, so the first day counts and the last does not. NULL: CDI lacks a day. Where days of the year before
-- are missing, from_date says so: both returns are of the days from there on.
WITH closes AS (
    SELECT
        ticker,
        trade_date,
        adj_close_price,
        CAST(date_trunc('year', trade_date) AS date) AS year_start
    FROM b3_daily_history
    WHERE adj_close_price > 0
),
years AS (
    SELECT
        ticker,
        year_start,
        min(trade_date) AS first_date,
        min_by(adj_close_price, trade_date) AS first_close,
        max(trade_date) AS last_date,
        max_by(adj_close_price, trade_date) AS last_close,
        count(*) AS closes
    FROM closes
    GROUP BY ticker, year_start
),
spans AS (
    SELECT
        ticker,
        year_start,
        coalesce(lag(last_date) OVER (PARTITION BY ticker ORDER BY year_start), first_date) AS from_date,
        coalesce(lag(last_close) OVER (PARTITION BY ticker ORDER BY year_start), first_close) AS from_close,
        last_date AS to_date,
        last_close AS to_close,
        closes - CASE WHEN lag(last_date) OVER (PARTITION BY ticker ORDER BY year_start) IS NULL THEN 1 ELSE 0 END
            AS sessions
    FROM years
),
cdi AS (
    SELECT s.ticker, s.year_start, count(*) AS days, exp(sum(ln(1 + r.value / 100))) - 1 AS paid
    FROM spans AS s
    JOIN br_rates AS r ON r.series = 'CDI' AND r.day >= s.from_date AND r.day < s.to_date
    GROUP BY s.ticker, s.year_start
),
compared AS (
    SELECT
        s.ticker,
        s.from_date,
        s.to_date,
        s.to_close / s.from_close - 1 AS gained,
        CASE WHEN c.days >= s.sessions THEN c.paid END AS paid
    FROM spans AS s
    LEFT JOIN cdi AS c ON c.ticker = s.ticker AND c.year_start = s.year_start
    WHERE s.sessions > 0
)
SELECT
    ticker,
    from_date,
    to_date,
    100 * gained AS return_pct,
    100 * paid AS cdi_pct,
    100 * ((1 + gained) / (1 + paid) - 1) AS over_cdi_pct
FROM compared
ORDER BY ticker, to_date
