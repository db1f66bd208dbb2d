"""The month's bill: what it is made of, what it comes to, and that the documents say the same."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from b3lake.cost.bill import draw_up, number
from b3lake.cost.command import parse
from b3lake.cost.model import ALARMS, METRICS, WINDOW_SESSIONS, Lake, backfill, month, quantities, total
from b3lake.cost.prices import Price, read_prices
from b3lake.ingest.doctor.figures import FINDINGS_METRIC, GAPS_METRIC
from b3lake.ingest.options import DEFAULT_SESSIONS
from b3lake.lake.errors import UsageError
from b3lake.refine.figures import AGE_METRIC
from b3lake.refine.figures import METRICS as OF_THE_JOB
from devlake import paths
from tests.template.read_template import read_template

PRICES = read_prices()
SMALL, MARKET = Lake(10, 10, 100), Lake(450, 10, 100)
READMES = [paths.ROOT / "README.md", paths.ROOT / "README.pt-BR.md"]


def test_the_aims_are_met_at_list_prices_host_included() -> None:
    assert total(month(SMALL), PRICES) < 2
    assert total(month(MARKET), PRICES) < 20


def test_a_price_is_for_what_is_above_the_nil_tier_and_beyond_the_allowance() -> None:
    price = Price("S", "unit", "unidade", usd=2.0, per=10, above=100, free=50)
    assert [price.of(quantity, allowance=False) for quantity in (0, 100, 110)] == [0, 0, 2.0]
    assert [price.of(quantity, allowance=True) for quantity in (110, 150, 160)] == [0, 0, 2.0]


def test_a_known_month_by_hand() -> None:
    """Ten tickers, ten years, a hundred questions, in plain arithmetic."""
    used = quantities(month(SMALL))
    lists_of_a_plan = 2 * (3 + 101) + 1  # 2,520 dates in pages of 1,000, and 101 spans of 25 dates, twice; the ledger
    daily_lists = 3 + 2 * lists_of_a_plan + 2  # the ingestion's; the ledger and the history of a run
    tables_beside = 3
    assert used["s3_write"] == 21 * (10 + tables_beside + daily_lists + 10 + 3) + 100 * 2 * 11
    assert used["s3_read"] == 21 * (1 + tables_beside + 2 + 2 * 10 + 50 + 4) + 100 * 2 * 11 * 3
    assert used["catalog_storage"] == 2 * 25_200 + 11
    assert used["ec2"] == pytest.approx(21 * 5 / 60)


def test_the_host_is_what_differs_between_the_totals() -> None:
    stopped, on = (total(month(replace(SMALL, host_stays_on=stays)), PRICES) for stays in (False, True))
    hours = 730 - 21 * 5 / 60
    assert on - stopped == pytest.approx(hours * (0.0104 + 0.005))


@pytest.mark.parametrize("more", [{"tickers": 11}, {"years": 11}, {"questions": 101}, {"host_stays_on": True}])
def test_more_is_never_cheaper(more: dict[str, int]) -> None:
    assert total(month(replace(SMALL, **more)), PRICES) >= total(month(SMALL), PRICES)
    assert total(backfill(replace(SMALL, **more)), PRICES) >= total(backfill(SMALL), PRICES)


def test_glue_6_is_three_tenths_cheaper() -> None:
    four, six = (quantities(month(replace(SMALL, glue_version=version))) for version in ("4.0", "6.0"))
    assert four["glue_dpu_4"] == six["glue_dpu_6"]
    assert PRICES["glue_dpu_6"].usd / PRICES["glue_dpu_4"].usd == pytest.approx(0.7)


def test_every_alarm_and_metric_is_counted() -> None:
    stack = [item for item in read_template()["Resources"].values() if item["Type"] == "AWS::CloudWatch::Alarm"]
    of_the_stack = [item for item in stack if "Condition" not in item]
    module = "".join(file.read_text() for file in (paths.ROOT / "terraform").glob("*.tf"))
    assert len(of_the_stack) + module.count('resource "aws_cloudwatch_metric_alarm"') == ALARMS
    of_the_host = {"FailedRuns", FINDINGS_METRIC, GAPS_METRIC}
    assert len({*OF_THE_JOB, AGE_METRIC, *of_the_host}) == METRICS
    assert WINDOW_SESSIONS == DEFAULT_SESSIONS


def test_every_price_is_used_and_tells_where_it_is_from() -> None:
    used = {name for version in ("4.0", "6.0") for name in quantities(month(replace(SMALL, glue_version=version)))}
    assert used == set(PRICES.by_name)
    for price in PRICES.by_name.values():
        assert price.source.startswith("https://aws.amazon.com/")
    assert re.fullmatch(r"20\d\d-\d\d", PRICES.as_of)


def test_numbers_are_written_as_in_the_language() -> None:
    assert (number(1234.5, "en"), number(1234.5, "pt")) == ("1,234.50", "1.234,50")


def test_both_languages_say_the_same() -> None:
    english, portuguese = (draw_up(SMALL, PRICES, language) for language in ("en", "pt"))
    assert [row[0] for row in english.rows] == [row[0] for row in portuguese.rows]
    assert [row[2].replace(".", ",") for row in english.rows] == [row[2] for row in portuguese.rows]
    assert not {row[1] for row in english.rows} & {row[1] for row in portuguese.rows}


@pytest.mark.parametrize("readme", READMES, ids=lambda file: file.name)
def test_the_readmes_tables_are_the_command_s_output(readme: Path) -> None:
    blocks = re.findall(r"<!-- b3lake (cost[^>]*?) -->\n(.*?)\n<!-- end -->", readme.read_text(), re.DOTALL)
    assert [words.split()[-1] == "450" for words, _ in blocks] == [False, True]
    for words, text in blocks:
        command = [sys.executable, "-m", "b3lake", *words.split(), "--markdown"]
        done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.strip() == text, f"write this into {readme.name}:\n{done.stdout}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tickers", "0"], "--tickers 0 is none: give 1 or more."),
        (["--years", "-1"], "--years -1 is none: give 1 or more."),
        (["--questions", "-1"], "--questions -1 is no number of questions: give 0 or more."),
        (["--tickers", "many"], "argument --tickers: 'many' is no whole number of up to nine digits; --help"),
        (["--host", "off"], "argument --host: invalid choice: 'off'"),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(said)}"):
        parse(words, {})
