"""The commands of the ingestion: arguments and environment in, one call, exit code out."""
