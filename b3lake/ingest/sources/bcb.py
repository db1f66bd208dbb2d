"""Brazil's rates, from the central bank's time series service (SGS): CDI, Selic, its target, IPCA.

A daily series is given for at most ten years a request, and what goes wrong comes in several forms: JSON with 404 or
406, and pages or XML with status 200 when the service is tired.
"""

import datetime as dt
import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from b3lake.ingest.sources.http_get import PATIENT, Answer, BackOff, PassingError, ServiceError, get
from b3lake.lake.errors import B3LakeError
from b3lake.lake.rates import Series
from b3lake.lake.schemas import RATES_SCHEMA

BASE_URL = "https://api.bcb.gov.br"
YEARS_A_REQUEST = 10

Values = dict[dt.date, float]

_NO_VALUES = "Value(s) not found"
_DECIMAL = re.compile(r"-?\d{1,6}(\.\d{1,12})?", re.ASCII)
_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{4})", re.ASCII)


class RatesError(B3LakeError):
    """A series cannot be had, or what came is none; nothing of it was used."""

    def __init__(self, series: Series, cause: str) -> None:
        super().__init__(f"{series.name}, series {series.code} of the central bank: {cause}.")


@dataclass(frozen=True)
class CentralBank:
    """The service at `base_url` (setting B3LAKE_BCB_URL)."""

    base_url: str = BASE_URL
    back_off: BackOff = PATIENT

    def rates(self, series: Series, start: dt.date, end: dt.date) -> pa.Table:
        """The values of `series` from `start` to `end`, both included (RATES_SCHEMA, sorted by day).

        Days before the series begins are not asked for, and days after `end` are left out, whatever the service sends:
        it gives Selic's target for days that are still to come. Raises RatesError.
        """
        values: Values = {}
        for first, last in windows(max(start, series.first_day), end):
            values |= self._ask(series, first, last)
        days = sorted(values)
        columns = [[series.name] * len(days), days, [values[day] for day in days], [series.unit] * len(days)]
        return pa.table(dict(zip(RATES_SCHEMA.names, columns, strict=True)), schema=RATES_SCHEMA)

    def _ask(self, series: Series, start: dt.date, end: dt.date) -> Values:
        query = {"formato": "json", "dataInicial": f"{start:%d/%m/%Y}", "dataFinal": f"{end:%d/%m/%Y}"}
        url = f"{self.base_url}/dados/serie/bcdata.sgs.{series.code}/dados?{urllib.parse.urlencode(query)}"
        try:
            return get(url, lambda answer: parse(answer, series, start, end), self.back_off)
        except ServiceError as error:
            raise RatesError(series, str(error)) from error


def windows(start: dt.date, end: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """The days `start` to `end` in pieces that one request may ask for, both ends included, oldest first."""
    while start <= end:
        last = min(_years_later(start), end)
        yield start, last
        start = last + dt.timedelta(days=1)


def _years_later(day: dt.date) -> dt.date:
    """The same date ten years on, the last that the service takes with `day`; 28 February for the 29th."""
    try:
        return day.replace(year=day.year + YEARS_A_REQUEST)
    except ValueError:
        return day.replace(year=day.year + YEARS_A_REQUEST, day=28)


def parse(answer: Answer, series: Series, start: dt.date, end: dt.date) -> Values:
    """The values that `answer` has of the days `start` to `end`; none where the service says that it has none.

    Raises PassingError for what is no answer in JSON, RatesError for one that cannot be of `series`. Pure.
    """
    text = answer.body.decode("utf-8", "replace")
    if _NO_VALUES in text and (answer.is_markup or answer.status == 404):
        return {}
    if answer.is_markup:
        raise PassingError(f"it answered {answer.status} with a page instead of JSON")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PassingError(f"it answered {answer.status} with something else than JSON") from error
    if answer.status != 200 or not isinstance(told, list):
        raise RatesError(series, f"it refuses {start} to {end}: {_reason(told, answer.status)}")
    values: Values = {}
    for row in told:
        day, value = _value(row, series)
        if values.setdefault(day, value) != value:
            raise RatesError(series, f"it gives {day} two values, {values[day]} and {value}; run again later")
    return {day: value for day, value in values.items() if start <= day <= end}


def _value(row: Any, series: Series) -> tuple[dt.date, float]:
    """One row's day and value. Raises RatesError."""
    told, value = (row.get("data"), row.get("valor")) if isinstance(row, dict) else (None, None)
    day = _day(told) if isinstance(told, str) else None
    if not day or not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise RatesError(series, f"it sent a row that is no day and value ({str(row)[:80]}); run again later")
    if not series.is_plausible(float(value)):
        raise RatesError(series, f"{value} on {day} cannot be a rate in {series.unit}; run again later")
    return day, float(value)


def _day(text: str) -> dt.date | None:
    """The day that dd/mm/yyyy writes; None when there is none."""
    match = _DATE.fullmatch(text)
    try:
        return dt.date(int(match[3]), int(match[2]), int(match[1])) if match else None
    except ValueError:
        return None


def _reason(told: Any, status: int) -> str:
    """The service's own words about an error, on one line."""
    error = told.get("erro", told) if isinstance(told, dict) else None
    words = (error.get("detail") or error.get("error") or error.get("message")) if isinstance(error, dict) else None
    return f"{' '.join(str(words).split())[:200]} ({status})" if words else f"status {status}"
