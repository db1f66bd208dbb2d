"""The lake from Python: pandas, Arrow, DuckDB and Polars, and files for whatever else."""
