"""B3's own corporate events: from the answers of its service to what enters the quotes.

answers.py reads the two answers about an issuer, rules.py makes one ticker's events of them, prices.py asks the quotes
whether they agree, enter.py finds the rows that events belong to, table.py writes them down.
"""
