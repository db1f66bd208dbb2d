"""A wrong name of a table or a column, as each engine tells it, is answered with the lake's names."""

import pytest

from b3lake.ask.wrong_names import with_lake_names

DUCKDB_TABLE = 'Catalog Error: Table with name {} does not exist! Did you mean "pg_description"?'
ATHENA_TABLE = "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.tech_challenge2_dev.{}' does not exist"
DUCKDB_COLUMN = 'Binder Error: Referenced column "{}" not found in FROM clause! Candidate bindings: "dt"'
DUCKDB_OF_TABLE = 'Binder Error: Table "h" does not have a column named "{}" Candidate bindings: : "ticker"'
ATHENA_COLUMN = "COLUMN_NOT_FOUND: line 1:8: Column '{}' cannot be resolved or requester is not authorized to access"
ATHENA_OF_TABLE = "COLUMN_NOT_FOUND: line 1:8: Column 'h.{}' cannot be resolved"
HISTORY = "SELECT x FROM b3_daily_history AS h"


@pytest.mark.parametrize("message", [DUCKDB_TABLE, ATHENA_TABLE])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("b3_dayly_history", "There is no table 'b3_dayly_history': did you mean b3_daily_history"),
        ("cdi", "There is no table 'cdi': the lake's are b3_daily_history, b3_daily_quotes_refined, "),
        ("br_rates", "The lake has no table br_rates yet: an ingestion makes it, "),
    ],
)
def test_tables(message: str, name: str, said: str) -> None:
    answer = with_lake_names(message.format(name), f"SELECT 1 FROM {name}")
    assert answer.startswith(said)
    assert "pg_" not in answer


@pytest.mark.parametrize("message", [DUCKDB_COLUMN, DUCKDB_OF_TABLE, ATHENA_COLUMN, ATHENA_OF_TABLE])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("close_prise", "There is no column 'close_prise': did you mean close_price"),
        (
            "isin",
            "There is no column 'isin' there: b3_daily_quotes and b3_corporate_events and b3_instruments have it.",
        ),
        ("xyzzy", "There is no column 'xyzzy': `b3lake ask --sql \"DESCRIBE b3_daily_history\"` lists those of b3_"),
    ],
)
def test_columns(message: str, name: str, said: str) -> None:
    assert with_lake_names(message.format(name), HISTORY).startswith(said)


def test_other_messages_stay() -> None:
    assert with_lake_names("Parser Error: syntax error", HISTORY) == "Parser Error: syntax error"
    of_no_table = DUCKDB_COLUMN.format("xyzzy")
    assert with_lake_names(of_no_table, "SELECT xyzzy FROM (SELECT 1 AS a)") == of_no_table
