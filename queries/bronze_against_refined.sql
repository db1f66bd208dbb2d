-- Whether refined says what bronze says, of the last weekday before today: tickers that lack, exceed or differ.
-- For other days, change both conditions on dt (dt >= DATE '2024-01-02'): Athena lists and opens an object a row.
WITH bronze AS (
    SELECT
        dt,
        ticker,
        min_by(open, ts) AS open_price,
        max(high) AS high_price,
        min(low) AS low_price,
        max_by(close, ts) AS close_price,
        sum(volume) AS total_volume,
        count(*) AS bar_count
    FROM b3_daily_quotes
    WHERE dt = current_date - CASE extract(DOW FROM current_date)
        WHEN 1 THEN INTERVAL '3' DAY WHEN 0 THEN INTERVAL '2' DAY WHEN 7 THEN INTERVAL '2' DAY ELSE INTERVAL '1' DAY END
    GROUP BY dt, ticker
),
refined AS (
    SELECT dt, ticker, open_price, high_price, low_price, close_price, total_volume, bar_count
    FROM b3_daily_quotes_refined
    WHERE dt = current_date - CASE extract(DOW FROM current_date)
        WHEN 1 THEN INTERVAL '3' DAY WHEN 0 THEN INTERVAL '2' DAY WHEN 7 THEN INTERVAL '2' DAY ELSE INTERVAL '1' DAY END
),
compared AS (
    SELECT
        coalesce(b.ticker, r.ticker) AS ticker,
        CASE
            WHEN r.ticker IS NULL THEN 'not refined'
            WHEN b.ticker IS NULL THEN 'without bronze'
            WHEN
                b.open_price IS DISTINCT FROM r.open_price
                OR b.high_price IS DISTINCT FROM r.high_price
                OR b.low_price IS DISTINCT FROM r.low_price
                OR b.close_price IS DISTINCT FROM r.close_price
                OR b.total_volume IS DISTINCT FROM r.total_volume
                OR b.bar_count IS DISTINCT FROM r.bar_count
                THEN 'different'
            ELSE 'equal'
        END AS outcome
    FROM bronze AS b
    FULL OUTER JOIN refined AS r ON b.dt = r.dt AND b.ticker = r.ticker
)
SELECT
    ticker,
    count_if(outcome = 'equal') AS days_equal,
    count_if(outcome = 'not refined') AS days_not_refined,
    count_if(outcome = 'without bronze') AS days_without_bronze,
    count_if(outcome = 'different') AS days_different
FROM compared
GROUP BY ticker
ORDER BY ticker
