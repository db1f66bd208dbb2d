-- The events that moved the prices of the shown tickers, as B3 told them, for the page.
SELECT ticker, ex_date, kind, value, payment_date
FROM b3_corporate_events
WHERE status = 'applied' AND ex_date IS NOT NULL AND ticker IN ({tickers})
ORDER BY ticker, ex_date, kind
