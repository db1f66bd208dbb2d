-- Return of every ticker in every year above inflation (IPCA), per cent, over the months of which both are known.
-- A month counts from the last close of the month before; after a month without a close there is none to count from.
WITH months AS (
    SELECT
        ticker,
        12 * year(trade_date) + month(trade_date) AS month_number,
        max(trade_date) AS last_date,
        max_by(adj_close_price, trade_date) AS last_close
    FROM b3_daily_history
    WHERE adj_close_price > 0
    GROUP BY ticker, 12 * year(trade_date) + month(trade_date)
),
moves AS (
    SELECT
        ticker,
        month_number,
        year(last_date) AS calendar_year,
        last_close / lag(last_close) OVER (PARTITION BY ticker ORDER BY month_number) AS growth,
        month_number - lag(month_number) OVER (PARTITION BY ticker ORDER BY month_number) AS months_since
    FROM months
),
prices AS (
    SELECT 12 * year(day) + month(day) AS month_number, 1 + value / 100 AS growth
    FROM br_rates
    WHERE series = 'IPCA'
),
totals AS (
    SELECT
        m.ticker,
        m.calendar_year,
        count(*) AS months,
        exp(sum(ln(m.growth))) AS share_growth,
        exp(sum(ln(p.growth))) AS price_growth
    FROM moves AS m
    JOIN prices AS p ON p.month_number = m.month_number
    WHERE m.months_since = 1
    GROUP BY m.ticker, m.calendar_year
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
