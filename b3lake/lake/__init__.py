"""The contract that every stage keeps: keys, schemas, names, tickers, calendar, and AWS errors in words."""
