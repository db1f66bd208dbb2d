-- The quotes of the newest sessions, those since {since}, for the page. The year spares the objects of the years before.
SELECT
    ticker,
    trade_date,
    open_price,
    high_price,
    low_price,
    close_price,
    total_volume,
    close_ma_5,
    close_delta
FROM b3_daily_history
WHERE year >= {year} AND trade_date >= DATE '{since}'
ORDER BY ticker, trade_date
