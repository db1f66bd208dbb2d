-- The five tickers that rose most and the five that fell most on the latest trade date, in BRL and per cent.
-- For another day, put it in `chosen`: SELECT DATE '2024-01-05' AS trade_date.
WITH chosen AS (
    SELECT max(trade_date) AS trade_date FROM b3_daily_history
),
moves AS (
    SELECT
        r.ticker,
        r.trade_date,
        r.close_price,
        r.close_delta,
        100 * r.close_delta / (r.close_price - r.close_delta) AS change_pct
    FROM b3_daily_history AS r
    JOIN chosen AS c ON r.trade_date = c.trade_date
    WHERE r.close_delta IS NOT NULL AND r.close_price <> r.close_delta
),
ranked AS (
    SELECT
        ticker,
        trade_date,
        close_price,
        close_delta,
        change_pct,
        row_number() OVER (ORDER BY change_pct DESC, ticker) AS from_top,
        row_number() OVER (ORDER BY change_pct ASC, ticker) AS from_bottom
    FROM moves
)
SELECT ticker, trade_date, close_price, close_delta, change_pct
FROM ranked
WHERE (change_pct > 0 AND from_top <= 5) OR (change_pct < 0 AND from_bottom <= 5)
ORDER BY change_pct DESC, ticker
