"""The rooms of the program whose mutants are tried, and the tests that have to notice a mutant of each module."""

from pathlib import Path

TESTS: dict[str, tuple[str, ...]] = {
    "b3lake/lake": (
        "lake",
        "ingest/test_tickers",
        "ingest/test_settings",
        "ingest/test_sessions",
        "ingest/test_renames",
    ),
    "b3lake/lake/adjust": ("lake/test_adjust",),
    "b3lake/lake/aws_errors": ("lake/test_aws_errors",),
    "b3lake/lake/calendar": ("lake", "ingest/test_sessions", "ingest/test_run"),
    "b3lake/lake/credentials": ("lake/test_credentials",),
    "b3lake/lake/figures": ("lake", "refine/test_figures", "ingest/test_doctor"),
    "b3lake/lake/indexes": ("lake", "ingest/test_index_portfolios", "ingest/test_fetch_beside", "ask/test_narrow"),
    "b3lake/lake/keys": ("lake", "ingest/test_load", "ingest/test_doctor", "refine"),
    "b3lake/lake/kinds": ("lake", "ingest/test_instruments", "ingest/test_beside_quotes"),
    "b3lake/lake/labels": ("lake", "ingest/test_labels", "ingest/test_settings"),
    "b3lake/lake/rates": ("lake", "ingest/test_rates", "ingest/test_beside_quotes", "ingest/test_doctor_beside"),
    "b3lake/lake/removal": ("lake", "ingest/test_doctor_removal", "refine"),
    "b3lake/lake/schemas": (
        "lake",
        "ingest/test_load",
        "refine",
        "ingest/test_beside_quotes",
        "devlake/test_documents",
    ),
    "b3lake/lake/session": ("lake", "ingest/test_run"),
    "b3lake/lake/settings": ("lake", "ask/test_ask", "ingest/test_run"),
    "b3lake/lake/tables": ("lake", "ask/test_pivot", "ask/test_ask", "analysis"),
    "b3lake/lake/words": ("lake", "ingest/test_run", "ingest/test_doctor"),
    "b3lake/ingest": (
        "ingest/test_files_together",
        "ingest/test_registration",
        "ingest/test_run",
        "ingest/test_load",
        "ingest/test_faults",
        "ingest/test_from_b3",
    ),
    "b3lake/ingest/as_traded": ("ingest/test_as_traded", "ingest/test_yahoo_facts", "ingest/test_verify"),
    "b3lake/ingest/beside_quotes": (
        "ingest/test_nobody_answers",
        "ingest/test_beside_quotes",
        "ingest/test_fetch_beside",
    ),
    "b3lake/ingest/catch_up": (
        "ingest/test_reach_back",
        "ingest/test_run_report",
        "ingest/test_catch_up",
        "ingest/test_run",
    ),
    "b3lake/ingest/catalog": (
        "ingest/test_denied",
        "ingest/test_registration",
        "ingest/test_load",
        "ingest/test_faults",
        "ingest/test_doctor",
        "ingest/test_beside_quotes",
    ),
    "b3lake/ingest/commands/fetch": ("ingest/test_options", "ingest/test_run", "ingest/test_from_b3"),
    "b3lake/ingest/commands/doctor": (
        "ingest/test_options",
        "ingest/test_doctor",
        "ingest/test_doctor_figures",
        "ingest/test_doctor_removal",
        "ingest/test_doctor_steps",
    ),
    "b3lake/ingest/commands/verify": (
        "ingest/test_verify_run",
        "ingest/test_options",
        "ingest/test_verify_report",
        "ingest/test_verify",
        "ingest/test_from_b3",
    ),
    "b3lake/ingest/decimals": (
        "ingest/test_event_rows",
        "ingest/test_as_traded",
        "ingest/test_yahoo",
        "ingest/test_yahoo_facts",
    ),
    "b3lake/ingest/doctor": (
        "ingest/test_doctor_rules",
        *(
            "ingest/test_doctor",
            "ingest/test_doctor_repairs",
            "ingest/test_doctor_beside",
            "ingest/test_doctor_removal",
        ),
        "ingest/test_doctor_figures",
        *("ingest/test_doctor_steps", "ingest/test_tolerance", "ingest/test_events_in_lake"),
        "ingest/test_doctor_reading",
        "ingest/test_refused_objects",
    ),
    "b3lake/ingest/errors": ("ingest/test_outcome", "ingest/test_run"),
    "b3lake/ingest/events": (
        "ingest/test_event_rows",
        "ingest/test_answers_read",
        "ingest/test_events_due",
        *("ingest/test_events", "ingest/test_b3_events_source", "ingest/test_events_restated"),
        *("ingest/test_events_in_lake", "ingest/test_events_asked", "ingest/test_outcome"),
    ),
    "b3lake/ingest/ingest": (
        "ingest/test_ingest",
        "ingest/test_files_together",
        "ingest/test_registration",
        "ingest/test_run",
        "ingest/test_from_b3",
        "ingest/test_catch_up",
    ),
    "b3lake/ingest/instruments": ("ingest/test_instruments", "ingest/test_beside_quotes"),
    "b3lake/ingest/inventory": ("ingest/test_load", "ingest/test_faults", "ingest/test_doctor"),
    "b3lake/ingest/lake": ("ingest/test_denied", "ingest/test_labels", "ingest/test_registration", "ingest/test_run"),
    "b3lake/ingest/load": (
        "ingest/test_denied",
        "ingest/test_load",
        "ingest/test_registration",
        "ingest/test_faults",
        "ingest/test_run",
    ),
    "b3lake/ingest/mixing": ("ingest/test_mixing", "ingest/test_run"),
    "b3lake/ingest/objects": (
        "ingest/test_denied",
        "ingest/test_load",
        "ingest/test_doctor",
        "ingest/test_faults",
        "ingest/test_doctor_removal",
        "ingest/test_refused_objects",
    ),
    "b3lake/ingest/options": (
        "ingest/test_options",
        "ingest/test_run",
        "ingest/test_verify",
        "ingest/test_from_b3",
        "ingest/test_events_asked",
    ),
    "b3lake/ingest/outcome": (
        "ingest/test_outcome",
        "ingest/test_registration",
        "ingest/test_run",
        "ingest/test_faults",
        "ingest/test_from_b3",
        "ingest/test_events_asked",
    ),
    "b3lake/ingest/parquet": ("ingest/test_load",),
    "b3lake/ingest/progress": ("ingest/test_progress", "ingest/test_run"),
    "b3lake/ingest/run_report": (
        "ingest/test_run_report",
        "ingest/test_verify_report",
        "ingest/test_run",
        "ingest/test_doctor",
        "ingest/test_verify",
        "ingest/test_fetch_beside",
    ),
    "b3lake/ingest/small_tables": (
        "ingest/test_denied",
        "ingest/test_small_tables",
        "ingest/test_beside_quotes",
        "ingest/test_instruments",
        "ingest/test_index_portfolios",
    ),
    "b3lake/ingest/sources/b3": (
        "ingest/test_sources_alone",
        "ingest/test_files_together",
        "ingest/test_from_b3",
        "ingest/test_b3_source",
        "ingest/test_fetch_beside",
    ),
    "b3lake/ingest/sources/b3_events": (
        "ingest/test_answers_read",
        "ingest/test_b3_events_source",
        "ingest/test_events",
        "ingest/test_events_asked",
    ),
    "b3lake/ingest/sources/b3_folder": ("ingest/test_files_together", "ingest/test_b3_folder", "ingest/test_from_b3"),
    "b3lake/ingest/sources/b3_index": (
        "ingest/test_index_portfolios",
        "ingest/test_b3_events_source",
        "ingest/test_events",
    ),
    "b3lake/ingest/sources/b3_site": ("ingest/test_b3_site", "ingest/test_b3_source", "ingest/test_from_b3"),
    "b3lake/ingest/sources/bcb": ("ingest/test_rates", "ingest/test_beside_quotes"),
    "b3lake/ingest/sources/beside": ("ingest/test_fetch_beside", "ingest/test_beside_quotes"),
    "b3lake/ingest/sources/cotahist": ("ingest/test_cotahist", "ingest/test_b3_site", "ingest/test_from_b3"),
    "b3lake/ingest/sources/http_get": (
        "ingest/test_answers_read",
        "ingest/test_http_get",
        "ingest/test_b3_site",
        "ingest/test_b3_events_source",
        "ingest/test_rates",
    ),
    "b3lake/ingest/sources/settings": (
        "ingest/test_options",
        "ingest/test_settings",
        "ingest/test_b3_source",
        "ingest/test_fetch_beside",
    ),
    "b3lake/ingest/sources/shared_back_off": ("ingest/test_yahoo", "ingest/test_faults"),
    "b3lake/ingest/sources/source": (
        "ingest/test_files_together",
        "ingest/test_yahoo",
        "ingest/test_from_b3",
        "ingest/test_fetch_beside",
    ),
    "b3lake/ingest/sources/yahoo": (
        "ingest/test_sources_alone",
        "ingest/test_yahoo",
        "ingest/test_yahoo_facts",
        "ingest/test_faults",
        "ingest/test_run",
    ),
    "b3lake/ingest/sources/yahoo_chart": ("ingest/test_answers_read", "ingest/test_yahoo", "ingest/test_yahoo_facts"),
    "b3lake/ingest/sources/yahoo_session": ("ingest/test_yahoo", "ingest/test_settings", "ingest/test_run"),
    "b3lake/ingest/steps": (
        "ingest/test_outcome",
        "ingest/test_as_traded",
        "ingest/test_doctor_steps",
        "ingest/test_events",
    ),
    "b3lake/ingest/tolerance": ("ingest/test_tolerance", "ingest/test_verify", "ingest/test_from_b3"),
    "b3lake/ingest/validate": (
        "ingest/test_validate",
        "ingest/test_strange_bars",
        "ingest/test_yahoo",
        "ingest/test_run",
        "ingest/test_from_b3",
        "ingest/test_tolerance",
    ),
    "b3lake/ingest/verify": (
        "ingest/test_verify_report",
        "ingest/test_verify_run",
        "ingest/test_verify",
        "ingest/test_from_b3",
    ),
    "b3lake/refine": ("refine",),
    "b3lake/ask": ("ask",),
    "functions": ("trigger",),
}
"""By the beginning of the module's path, of which the longest counts: files or folders of tests/, the nearest first."""

TOLD = ("b3lake/lake", "b3lake/ingest", "b3lake/ask")
SENTENCES = ("texts",)
"""The tests, after all others, of modules whose sentences a person reads: a changed one has no Portuguese."""

TOO_LONG = (
    "ingest/test_events_asked.py::test_of_the_whole_market_shares_are_asked_for_once_a_week",
    "ingest/test_events_in_lake.py::test_right_values_from_real_steps_to_stored_rows",
    "ingest/test_events_restated.py::test_any_order_of_pieces_and_events_with_kills_ends_as_filled_at_once",
    "ingest/test_faults.py::test_killed_run_and_another_leave_the_lake_of_one_whole_run",
    "ingest/test_from_b3.py::test_a_whole_real_day_is_a_success",
    "ingest/test_from_b3.py::test_four_whole_real_days_of_a_folder",
    "ingest/test_from_b3.py::test_the_recorded_folder_whole",
    "ingest/test_from_b3.py::test_the_whole_fractional_market_tells_no_instruments",
)
"""Tests that are left out: a mutant is to be noticed by others too."""

ROOMS: dict[str, tuple[str, ...]] = {
    "lake": ("b3lake/lake",),
    "ingest": ("b3lake/ingest",),
    "sources": ("b3lake/ingest/sources",),
    "events": ("b3lake/ingest/events",),
    "doctor": ("b3lake/ingest/doctor",),
    "refine": tuple(
        f"b3lake/refine/{name}.py"
        for name in (
            *("arguments", "bars", "config", "errors", "figures", "fingerprint", "ledger", "notes"),
            *("partitions", "plan", "rule", "unreadable"),
        )
    ),
    "ask": ("b3lake/ask",),
    "trigger": ("functions/start_glue_job",),
}
"""Modules and folders; of the refine job those that are tested without Spark."""


def files_of(root: Path, room: str) -> list[Path]:
    """The modules of a room, from the checkout at `root`, save those of the rooms within it."""
    inner = [each for name, places in ROOMS.items() if name != room for each in places]
    found = []
    for each in ROOMS[room]:
        within = [place for place in inner if place.startswith(f"{each}/")]
        for path in [root / each] if each.endswith(".py") else sorted((root / each).rglob("*.py")):
            file = path.relative_to(root)
            if not any(_lies_in(file, place) for place in within):
                found.append(file)
    return found


def noticing(file: Path) -> tuple[str, ...]:
    """The files and folders of tests for a module. Raises ValueError when none are named."""
    beginning = max((each for each in TESTS if _lies_in(file, each)), key=len)
    return tuple(_path(test) for test in (*TESTS[beginning], *(SENTENCES if beginning.startswith(TOLD) else ())))


def _lies_in(file: Path, place: str) -> bool:
    return file.with_suffix("").as_posix() == place or place in [each.as_posix() for each in file.parents]


def _path(test: str) -> str:
    return f"tests/{test}.py" if "test_" in test else f"tests/{test}"
