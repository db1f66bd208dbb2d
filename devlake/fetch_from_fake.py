"""Runs the real ingestion, through the real yfinance, against a fake Yahoo.

`python -m devlake.fetch_from_fake [--yahoo-url URL] -- [options of ec2/fetch_b3_data.py]`. Without a URL it serves
`devlake.fake_yahoo` itself for as long as the ingestion runs. The rows say that their `source` is `synthetic`.
Environment and exit code are those of the ingestion.
"""

import argparse
import runpy
import sys
from contextlib import nullcontext
from importlib import import_module

import yfinance.base
import yfinance.data
import yfinance.scrapers.history

from devlake import paths
from devlake.fake_yahoo import FakeYahoo, serving


def point_yfinance_at(url: str) -> None:
    """Make yfinance ask `url` for charts, and nobody for cookies: the fake one wants none."""
    yfinance.base._BASE_URL_ = url
    yfinance.scrapers.history._BASE_URL_ = url
    yfinance.data.YfData._get_cookie_and_crumb = lambda _self, *_args, **_kwargs: (None, "basic")


def call_the_source_synthetic() -> None:
    """Make the ingestion write `synthetic` as the rows' source: nobody shall take invented prices for Yahoo's."""
    import_module("b3lake.ingest.sources.yahoo").__dict__["SOURCE"] = "synthetic"


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the ingestion against a fake Yahoo.")
    parser.add_argument("--yahoo-url", help="a fake Yahoo that runs already")
    parser.add_argument("ingestion", nargs="*", metavar="-- OPTION", help="options of ec2/fetch_b3_data.py")
    options = parser.parse_args()
    sys.argv = [str(paths.FETCH_SCRIPT), *options.ingestion]
    sys.path.insert(0, str(paths.FETCH_SCRIPT.parent))
    call_the_source_synthetic()
    with nullcontext(options.yahoo_url) if options.yahoo_url else serving(FakeYahoo()) as url:
        point_yfinance_at(url)
        runpy.run_path(str(paths.FETCH_SCRIPT), run_name="__main__")


if __name__ == "__main__":
    main()
