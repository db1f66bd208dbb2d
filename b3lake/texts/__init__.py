"""The languages of the terminal: English as it stands in the code, and Brazilian Portuguese from one list."""
