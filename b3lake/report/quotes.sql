-- The whole history of the tickers that the page shows, in one reading of it. Shown are {shown}.
-- `place` counts tickers by the value traded in the history's last 365 days. A row's values are one text: of answers
-- with many columns, most of the time goes into their cells.
WITH ended AS (
    SELECT *, count(*) OVER () AS lake_rows, max(trade_date) OVER () AS newest
    FROM b3_daily_history
),
valued AS (
    SELECT
        *,
        sum(CASE WHEN trade_date > newest - INTERVAL '365' DAY THEN coalesce(turnover, close_price * total_volume) END)
            OVER (PARTITION BY ticker) AS traded
    FROM ended
),
placed AS (
    SELECT *, dense_rank() OVER (ORDER BY coalesce(traded, 0) DESC, ticker) AS place
    FROM valued
),
counted AS (
    SELECT *, max(place) OVER () AS lake_tickers
    FROM placed
)
SELECT
    ticker,
    {line} AS line
FROM counted
WHERE {shown}
ORDER BY ticker, trade_date
