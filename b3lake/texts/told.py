"""Says the program's English sentences in the language of the terminal, at the edge where they are printed.

>>> told("There is no table 'x': the lake's are b3_daily_history.", "pt")
"Não existe a tabela 'x': as do data lake são b3_daily_history."

A sentence stands in English where it is known, as an f-string; pt_BR.toml has the Portuguese of each, with {} for its
values. What is printed is taken apart by these sentences, and put together again in Portuguese: a cause within a
sentence is one more of them. What no sentence fits, such as a message of AWS's or a name, stays as it is.
"""

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import tomllib

ENGLISH, PORTUGUESE = "en", "pt"
LANGUAGES = (PORTUGUESE, ENGLISH)
CATALOG = Path(__file__).parent / "pt_BR.toml"
_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Variables that name the language of messages, the first that is set counts: POSIX's order."""
_DEEPEST = 5
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
_VALUE = re.compile(r"\{\d*\}")


def language_of(environ: Mapping[str, str], unnamed: str = ENGLISH) -> str:
    """The language that the locale of `environ` names: Portuguese, or English for any other.

    `unnamed` where it names none, as the locales C and POSIX do.
    """
    locale = next((environ[name] for name in _LOCALES if environ.get(name)), "")
    named = re.split(r"[._@-]", locale)[0].lower()
    if named in {"", "c", "posix"}:
        return unnamed
    return PORTUGUESE if named == PORTUGUESE else ENGLISH


def told(text: str, language: str | None = None) -> str:
    """`text` in `language`, by default that of this process's environment."""
    language = language or language_of(os.environ)
    return text if language == ENGLISH else _translated(text, 0)


@cache
def catalog() -> dict[str, str]:
    """English sentence to Portuguese, of sentences and of counts."""
    return {english: portuguese for table in _tables().values() for english, portuguese in table.items()}


@cache
def _tables() -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = tomllib.loads(CATALOG.read_text(encoding="utf-8"))
    return tables


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """What each sentence with values looks like, and its Portuguese; those of most letters first."""
    found = []
    for name, table in _tables().items():
        value = r"([\d.,]+)" if name == "counts" else "(.*?)"
        for english, portuguese in table.items():
            words = _VALUE.split(english)
            if len(words) > 1:
                pattern = re.compile(value.join(map(re.escape, words)), re.DOTALL)
                found.append((len("".join(words)), english, pattern, portuguese))
    return [(pattern, portuguese) for _, _, pattern, portuguese in sorted(found, key=lambda one: one[:2], reverse=True)]


@cache
def _translated(text: str, depth: int) -> str:
    # A word alone within a sentence is a value: the option `network`, a column `status`.
    if text in catalog() and (depth == 0 or " " in text):
        return catalog()[text]
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", ".")
    if depth < _DEEPEST and " " in text:
        for pattern, portuguese in _patterns():
            if found := pattern.fullmatch(text):
                return portuguese.format(*(_translated(value, depth + 1) for value in found.groups()))
    return text
