"""Writes the page: template, styles, scripts, chart library and data as one HTML text."""

import base64
import gzip
import secrets
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from b3lake.report.encode import pack

_FOLDER = Path(__file__).resolve().parent / "page"
CALCULATIONS = ("decode.js", "returns.js", "averages.js", "drawdown.js", "weekly.js")
"""The scripts that calculate, and touch nothing of the page."""
_SCRIPTS = (
    *CALCULATIONS,
    *("texts.js", "format.js", "names.js", "prices.js", "events.js", "overview.js", "ranges.js", "chart.js"),
    *("price_view.js", "compare_view.js", "drawdown_view.js", "months_view.js", "readout.js", "detail.js"),
    *("download.js", "state.js", "main.js"),
)


def write_page(data: dict[str, Any], language: str) -> str:
    """The HTML that shows `data` (see describe_lake), in `language` (pt or en) until the reader chooses another."""
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html").render(
        language=language,
        nonce=secrets.token_urlsafe(16),
        styles=Markup((_FOLDER / "page.css").read_text("utf-8")),  # noqa: S704 - this project's own file
        scripts=Markup("\n".join((_FOLDER / name).read_text("utf-8") for name in _SCRIPTS)),  # noqa: S704 - likewise
        data=pack(data),
        library=pack_library(),
    )


def pack_library() -> str:
    """plotly.js, compressed, in base64: a third of its size, and read only once a chart is asked for."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode("ascii")
