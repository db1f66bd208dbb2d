"""Writes the page: template, styles, scripts, chart library and data as one HTML text."""

import base64
import gzip
import json
import secrets
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

_FOLDER = Path(__file__).resolve().parent / "page"
_SCRIPTS = ("texts.js", "format.js", "overview.js", "chart.js", "detail.js", "state.js", "main.js")


def write_page(data: dict[str, Any], language: str) -> str:
    """The HTML that shows `data` (see describe_lake), in `language` (pt or en) until the reader chooses another."""
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html").render(
        language=language,
        nonce=secrets.token_urlsafe(16),
        styles=Markup((_FOLDER / "page.css").read_text("utf-8")),  # noqa: S704 - this project's own file
        scripts=Markup("\n".join((_FOLDER / name).read_text("utf-8") for name in _SCRIPTS)),  # noqa: S704 - likewise
        data=Markup(embed_json(data)),  # noqa: S704 - embed_json leaves nothing that ends the element
        library=pack_library(),
    )


def embed_json(data: Any) -> str:
    """`data` as JSON that is safe inside a script element: no `<`, so no text from data can close it or open one."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def pack_library() -> str:
    """plotly.js, compressed, in base64: a third of its size, and read only once a chart is asked for."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode("ascii")
