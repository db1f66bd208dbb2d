"""A data lake of daily quotes of the Brazilian stock exchange (B3): what is installed, from the source to SQL."""
