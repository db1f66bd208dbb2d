"""Bad configuration, through the ingestion's own main, and bad data, through what each source's answers pass."""

import contextlib
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from b3lake.cli import run_command
from b3lake.ingest.sources.cotahist import CotahistError, Period, read_file
from b3lake.ingest.validate import BARS_SCHEMA, validate
from b3lake.lake.words import counted
from devlake.cotahist_writer import quote, whole_file
from devlake.proxy import Answer, Proxy, serving
from tests.bad_input.tried import Tried, mask

CONFIGURATIONS: list[tuple[str, list[str], dict[str, str]]] = [
    ("fetch", [], {"TICKERS": ""}),
    ("fetch", [], {"TICKERS": ",;"}),
    ("fetch", ["--tickers", "PETR4,PETROBRAS"], {}),
    ("fetch", ["--tickers", "../../etc"], {}),
    ("fetch", ["--tickers", "*"], {}),
    ("fetch", ["--start-date", "02/01/2024"], {}),
    ("fetch", ["--start-date", "2024-02-30"], {}),
    ("fetch", ["--start-date", "2024-02-02", "--end-date", "2024-02-01"], {}),
    ("fetch", ["--start-date", "1900-01-01", "--end-date", "1900-02-01"], {}),
    ("fetch", ["--end-date", "1980-01-01"], {}),
    ("fetch", ["--end-date", "0001-01-05"], {}),
    ("fetch", ["--sessions", "0"], {}),
    ("fetch", [], {"SESSIONS": "a week"}),
    ("fetch", [], {"INTERVAL": "1y"}),
    ("fetch", [], {"SOURCE": "bloomberg"}),
    ("fetch", [], {"LAKE_ENV": "My Lake"}),
    ("fetch", [], {"B3LAKE_YAHOO_URL": "example.com"}),
    ("fetch", [], {"B3LAKE_YAHOO_URL": "http://example.com"}),
    ("fetch", [], {"B3LAKE_SOURCE_LABEL": "not; a label"}),
    ("fetch", ["--source", "b3", "--interval", "1h"], {}),
    ("fetch", ["--source", "b3", "--b3-files", "nowhere.zip"], {}),
    ("fetch", ["--source", "b3", "--b3-files", "/dev/zero"], {}),
    ("fetch", ["--start_day", "2024-01-02"], {}),
    ("doctor", ["--fix", "--tickers", ",;"], {}),
    ("doctor", ["--source", "b3", "--interval", "1h"], {}),
    ("verify", ["--interval", "1h"], {}),
    ("verify", ["--tickers", "*"], {}),
]


def try_configurations() -> Iterator[Tried]:
    refusing = Proxy("", intercept=lambda _request: Answer(500, b""))
    with serving(refusing) as url:
        variables = {name for _, _, environment in CONFIGURATIONS for name in environment}
        for command, arguments, environment in CONFIGURATIONS:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("AWS_ENDPOINT_URL", url)
                for name in variables | {"START_DATE", "END_DATE", "B3_FILES", "B3LAKE_B3_URL"}:
                    patch.delenv(name, raising=False)
                for name, value in environment.items():
                    patch.setenv(name, value)
                said = io.StringIO()
                with contextlib.redirect_stderr(said):
                    code = run_command(command, arguments)
            given = " ".join([*(f'{name}="{value}"' for name, value in environment.items()), command, *arguments])
            sentence = said.getvalue().removeprefix(f"b3lake {command}: ").removesuffix("\n")
            yield Tried(f"`{given}`", f"exit {code}: {sentence}", f"nothing: {len(refusing.requests)} requests to AWS")


NOON = datetime.fromisoformat("2024-01-03T15:00:00")


def _bar(**changed: object) -> dict[str, object]:
    bar: dict[str, object] = dict.fromkeys(("open", "high", "low", "close"), 10.0)
    bar |= {"day": date(2024, 1, 3), "ticker": "PETR4", "ts": NOON, "volume": 100, "source": "x"}
    return bar | {"dividends": 0.0, "stock_splits": 0.0} | changed


BARS = {
    "a bar without prices": [_bar(open=None, high=None, low=None, close=None)],
    "a close that is NaN": [_bar(close=float("nan"))],
    "an infinite price": [_bar(high=float("inf"))],
    "a price of zero": [_bar(low=0.0)],
    "a negative price": [_bar(open=-1.0)],
    "a high below the low": [_bar(high=9.0, low=11.0)],
    "a negative volume": [_bar(volume=-1)],
    "a bar of another day than asked for": [_bar(day=date(2024, 2, 1))],
    "a bar of Christmas without volume": [_bar(day=date(2024, 12, 25), volume=0)],
    "two bars of one moment": [_bar(close=9.0, low=9.0), _bar(close=11.0, high=11.0)],
}


def try_bars() -> Iterator[Tried]:
    for given, bars in BARS.items():
        table = pa.Table.from_pylist(bars, schema=BARS_SCHEMA)
        wide = given.startswith("a bar of Christmas")
        validated = validate(table, start=date(2024, 1, 1), end=date(2024, 12, 31) if wide else date(2024, 1, 31))
        reasons = [reason for days in validated.refused.values() for reason in days.values()]
        said = f"refused: {reasons[0]}; the ticker's report names the day" if reasons else "left out, as no fault"
        if validated.bars.num_rows:
            said = f"the last stands (close {validated.bars['close'][0].as_py():g})"
        yield Tried(given, said, f"{validated.bars.num_rows} of {counted(len(bars), 'bar')}")


def _zip(files: int) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for number in range(files):
            archive.writestr(f"{number}.TXT", whole_file([quote()]))
    return sink.getvalue()


_DAY = Period(date(2024, 1, 2), date(2024, 1, 2))
FILES: dict[str, bytes] = {
    "an empty file": b"",
    "a page of HTML": b"<html>Access denied</html>",
    "a file without its trailer": whole_file([quote()])[: 247 * 2],
    "a file cut within a record": whole_file([quote(), quote()])[:-300],
    "a count in the trailer that is not its records'": whole_file([quote()], total=7),
    "letters for a price": whole_file([quote().replace(b"0000000003710", b"000000000371O")]),
    "a quote of another day than the file's name": whole_file([quote(day=20240103)]),
    "a quote of 30 February": whole_file([quote(day=20240230)]),
    "a quotation factor of zero": whole_file([quote(factor=0)]),
    "a header of another year": whole_file([quote()], year=2023),
    "a ZIP file cut in half": _zip(1)[:120],
    "a ZIP file of two files": _zip(2),
}


ALONE: dict[str, bytes] = {
    "a record in another currency": quote(code="VALE3", currency="CR$"),
    "a code that could leave its place in a key": quote(code="../../x1"),
    "a code with markup": quote(code="[b]A1[/b]"),
    "a code of other bytes": quote(code="\u00c7\u00c3O3"),
}


def try_cotahist(folder: Path) -> Iterator[Tried]:
    path = folder / "COTAHIST_D02012024.TXT"
    for given, body in FILES.items():
        path.write_bytes(body)
        period = Period(date(2024, 1, 1), date(2024, 12, 31)) if "February" in given else _DAY
        with pytest.raises(CotahistError) as caught:
            read_file(path, period)
        yield Tried(given, mask(str(caught.value), folder), "nothing of the file")
    for given, record in ALONE.items():
        path.write_bytes(whole_file([quote(), record]))
        found = read_file(path, _DAY)
        (refused,) = found.refused
        yield Tried(given, f"{refused.ticker}: {refused.reason}", f"{len(found.quotes)} of 2 quotes")
