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
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import tomllib

ENGLISH, PORTUGUESE = "en", "pt"
LANGUAGES = (PORTUGUESE, ENGLISH)
CATALOG = Path(__file__).parent / "pt_BR.toml"
_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Variables that name the language of messages, the first that is set counts: POSIX's order."""
_DEEPEST = 5
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
_MEASURE = re.compile(r"(?<![\d.,])\d{1,3}(,\d{3})*\.\d+(?= (s|kB|MB|GB|MiB)\b)")
"""A number with decimals and its unit: 1.2 GB, but not the version in `Terraform 1.6`."""
_NUMBER = re.compile(r"[\d.,]+")
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
    return text if language == ENGLISH else _MEASURE.sub(_with_comma, _translated(text, 0))


def _with_comma(measure: re.Match[str]) -> str:
    return measure[0].translate(str.maketrans(",.", ".,"))


@cache
def catalog() -> dict[str, str]:
    """English sentence to Portuguese, of sentences and of counts."""
    return {english: portuguese for table in _tables().values() for english, portuguese in table.items()}


@cache
def _tables() -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = tomllib.loads(CATALOG.read_text(encoding="utf-8"))
    return tables


@dataclass(frozen=True)
class _Pattern:
    """A sentence with values: the words between them, and its Portuguese; a count has a number for its value."""

    words: tuple[str, ...]
    portuguese: str
    is_count: bool

    def values(self, text: str, whole_brackets: bool) -> list[str] | None:
        """The values with which `text` is this sentence, each as short as it can be; None where it is another.

        With `whole_brackets` no value but the last ends within brackets: what stands there, such as another's message,
        is no part of the sentence.
        """
        first, *between, last = self.words
        position, end = len(first), len(text) - len(last)
        if position > end or not (text.startswith(first) and text.endswith(last)):
            return None
        values = []
        for words in between:
            found = text.find(words, position, end)
            while (
                whole_brackets and found >= 0 and text.count("(", position, found) != text.count(")", position, found)
            ):
                found = text.find(words, found + 1, end)
            if found < 0:
                return None
            values.append(text[position:found])
            position = found + len(words)
        values.append(text[position:end])
        return None if self.is_count and not _NUMBER.fullmatch(values[0]) else values


@cache
def _patterns() -> list[_Pattern]:
    """The sentences that have values, those of most letters first."""
    found = [
        _Pattern(tuple(words), portuguese, name == "counts")
        for name, table in _tables().items()
        for english, portuguese in table.items()
        if len(words := _VALUE.split(english)) > 1
    ]
    return sorted(found, key=lambda one: (sum(map(len, one.words)), one.words), reverse=True)


@lru_cache(maxsize=4096)
def _translated(text: str, depth: int) -> str:
    # A word alone within a sentence is a value: the option `network`, a column `status`.
    if text in catalog() and (depth == 0 or " " in text):
        return catalog()[text]
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", ".")
    if depth < _DEEPEST and " " in text:
        for whole_brackets in (True, False):
            for pattern in _patterns():
                if (values := pattern.values(text, whole_brackets)) is not None:
                    return pattern.portuguese.format(*(_translated(value, depth + 1) for value in values))
    return text
