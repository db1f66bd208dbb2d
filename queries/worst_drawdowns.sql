-- The deepest fall of every ticker from an earlier peak, per cent of the adjusted close, with both days.
WITH peaks AS (
    SELECT
        ticker,
        trade_date,
        adj_close_price,
        max(adj_close_price) OVER (PARTITION BY ticker ORDER BY trade_date) AS peak_price
    FROM b3_daily_history
    WHERE adj_close_price > 0
),
falls AS (
    SELECT
        ticker,
        trade_date,
        adj_close_price,
        peak_price,
        max(CASE WHEN adj_close_price = peak_price THEN trade_date END)
            OVER (PARTITION BY ticker ORDER BY trade_date) AS peak_date,
        100 * (adj_close_price / peak_price - 1) AS drawdown_pct
    FROM peaks
),
ranked AS (
    SELECT
        ticker,
        peak_date,
        trade_date,
        peak_price,
        adj_close_price,
        drawdown_pct,
        row_number() OVER (PARTITION BY ticker ORDER BY drawdown_pct, trade_date) AS depth
    FROM falls
)
SELECT
    ticker,
    peak_date,
    trade_date AS bottom_date,
    peak_price,
    adj_close_price AS bottom_price,
    drawdown_pct
FROM ranked
WHERE depth = 1
ORDER BY drawdown_pct, ticker
