-- Who the shown tickers are, for the page.
SELECT ticker, name, kind, spec
FROM b3_instruments
WHERE ticker IN ({tickers})
ORDER BY ticker
