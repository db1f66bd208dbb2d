-- Return of every ticker in every year above inflation (IPCA), per cent, over the months of which both are known.
-- A month counts from the last session of the month before (as in monthly_returns.sql); without its close there is none
-- to count from.
WITH months AS (
    SELECT
        ticker,
        CAST(date_trunc('month', trade_date) AS date) AS month_start,
        max(trade_date) AS last_date,
        max_by(adj_close_price, trade_date) AS last_close
    FROM b3_daily_history
    WHERE adj_close_price > 0
    GROUP BY ticker, CAST(date_trunc('month', trade_date) AS date)
),
ended AS (
    SELECT
        ticker,
        month_start,
        last_date,
        last_close,
        last_date = max(last_date) OVER (PARTITION BY month_start) AS has_end
    FROM months
),
moves AS (
    SELECT
        ticker,
        month_start,
        last_close / lag(last_close) OVER (PARTITION BY ticker ORDER BY month_start) AS growth,
        lag(has_end) OVER (PARTITION BY ticker ORDER BY month_start) AS had_end,
        date_diff('day', lag(last_date) OVER (PARTITION BY ticker ORDER BY month_start), month_start) AS days_since,
        CASE extract(DOW FROM month_start) WHEN 1 THEN 3 WHEN 0 THEN 2 WHEN 7 THEN 2 ELSE 1 END
            + CASE month(month_start) WHEN 1 THEN 3 WHEN 3 THEN 4 WHEN 4 THEN 1 WHEN 6 THEN 1 ELSE 0 END AS days_allowed
    FROM ended
),
prices AS (
    SELECT CAST(date_trunc('month', day) AS date) AS month_start, 1 + value / 100 AS growth
    FROM br_rates
    WHERE series = 'IPCA'
),
totals AS (
    SELECT
        m.ticker,
        year(m.month_start) AS calendar_year,
        count(*) AS months,
        exp(sum(ln(m.growth))) AS share_growth,
        exp(sum(ln(p.growth))) AS price_growth
    FROM moves AS m
    JOIN prices AS p ON p.month_start = m.month_start
    WHERE m.had_end AND m.days_since <= m.days_allowed
    GROUP BY m.ticker, year(m.month_start)
)
SELECT
    ticker,
    calendar_year,
    months,
    100 * (share_growth - 1) AS return_pct,
    100 * (price_growth - 1) AS ipca_pct,
    100 * (share_growth / price_growth - 1) AS real_return_pct
FROM totals
ORDER BY ticker, calendar_year
