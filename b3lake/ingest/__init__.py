"""The ingestion: quotes of B3 tickers, from their source to one Parquet object per date and ticker."""
