"""Every sentence of the terminal has its Portuguese, with the same values, and is told by it."""

import os
import re
import string
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b3lake.ask.questions import list_queries
from b3lake.texts.told import catalog, language_of, told
from devlake import paths
from tests.texts.sentences import VALUE, counts, is_prose, labels, modules, of_the_makefile, texts

FOUND = {text: path for path in modules() for text in texts(path)}
COUNTED = {text for path in modules() for text in counts(path)}
QUESTIONS = set(list_queries().values())
OF_THE_MAKEFILE = set(of_the_makefile())
ARGPARSES = {
    "options",
    "positional arguments",
    "show this help message and exit",
    "unrecognized arguments: {}",
    "argument {}: expected one argument",
    "argument {}: invalid int value: {}",
    "argument {}: invalid choice: {} (choose from {})",
    "argument {}: not allowed with argument {}",
    "one of the arguments {} is required",
    "the following arguments are required: {}",
}
"""The standard library's own."""
NEVER_SHOWN = {
    # marks in others' messages
    "access denied",
    "bucket does not exist",
    "bytes scanned limit was exceeded",
    "does not exist",
    "Invalid endpoint",
    "invalid endpoint",
    "must specify a region",
    "none from session.get_credentials",
    "not authorized",
    "token has expired",
    "unable to locate credentials",
    "Value(s) not found",
    ". See http",
    "JRS CAP PROPRIO",
    "JUROS SOBRE CAPITAL PROPRIO",
    # words of a shell
    '"$(cat .lake/kept/key)"',
    # marks in pip's log, commands, a section of samconfig.toml, a script in Python's own words
    "Could not find a version",
    "Failed to establish",
    "No matching distribution",
    "No space left",
    "from versions: none",
    "  sam build && sam deploy --config-env {}",
    "  cd terraform && terraform init && terraform workspace new {} && terraform apply -var env={}",
    "\n# `sam deploy --config-env {}`: as {}.\n[{}.global.parameters]\n",
    # comments in the catalog
    "B3's corporate events: dividends, splits and others.",
    "Interest and inflation in Brazil.",
    "Kept by the ingestion, not in the catalog.",
    "Quotes of B3 tickers as they came, one object per date and ticker.",
    "The members of B3's indexes and their weights.",
    "Who is who on the exchange, by ticker.",
    # for programs and programmers
    "a Parquet file of one row holds each of its values once",
    "application/zip, application/octet-stream, */*",
    "b3-lake/{} (a data lake of B3's daily quotes)",
    "dict[str, Any]",
    "left anti",
    "module {} has no attribute {}",
    "python -m devlake",
    "tuple[str, dt.date]",
    "{} AS ticker",
    # names, forms, nouns that are counted
    "Small Cap",
    "bold red",
    "bronze object",
    "job run",
    "refined partition",
    "{}\nbytes: {}\nrequest id {}",
}
"""Prose in form alone, which no terminal shows as it is."""
NUMBERED = [str(700 + number) for number in range(20)]


def filled(sentence: str) -> str:
    """The sentence with 700, 701, … for its values."""
    return VALUE.sub("{}", sentence).format(*NUMBERED)


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(paths.ROOT)))
def test_every_sentence_of_a_module_has_its_portuguese(path) -> None:
    prose = {text for text in texts(path) if is_prose(text)} | set(counts(path))
    assert prose - catalog().keys() - NEVER_SHOWN == set()


def test_every_question_has_its_portuguese() -> None:
    assert QUESTIONS - catalog().keys() == set()


def test_every_label_of_a_progress_bar_has_its_portuguese() -> None:
    found = {label for path in modules() for label in labels(path)}
    assert {"objects", "tickers and files"} <= found <= catalog().keys()


def test_every_heading_and_target_of_make_has_its_portuguese() -> None:
    assert {"list the targets", "Work on it"} < OF_THE_MAKEFILE
    assert OF_THE_MAKEFILE - catalog().keys() == set()


def test_no_translation_is_of_a_sentence_that_nobody_says() -> None:
    assert catalog().keys() - FOUND.keys() - COUNTED - QUESTIONS - OF_THE_MAKEFILE - ARGPARSES == set()
    assert NEVER_SHOWN - FOUND.keys() == set()


@pytest.mark.parametrize("english", catalog())
def test_a_translation_has_the_same_values(english: str) -> None:
    fields = [field for _, field, _, _ in string.Formatter().parse(catalog()[english]) if field is not None]
    numbers = [int(field) if field else number for number, field in enumerate(fields)]
    assert sorted(numbers) == list(range(len(VALUE.findall(english))))


@pytest.mark.parametrize("english", catalog())
def test_a_sentence_that_is_said_is_told_by_its_own_translation(english: str) -> None:
    """No other sentence of the list fits it better: a general one would take a special one apart."""
    assert told(filled(english), "pt") == catalog()[english].format(*NUMBERED)
    assert told(filled(english), "en") == filled(english)


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        ("25,200 rows", "25.200 linhas"),
        (
            "The ingestion could do nothing: COTAHIST_D16112026.ZIP: it could not be reached (Connection refused), "
            "4 times; run again later, or give the file with --b3-files. See /x/ingest.log.",
            "A ingestão não pôde fazer nada: COTAHIST_D16112026.ZIP: não foi possível acessar (Connection refused), "
            "4 vezes; execute de novo mais tarde, ou dê o arquivo com --b3-files. Veja /x/ingest.log.",
        ),
        (
            "B3_EVENTS=x is no folder: give a folder of answers, network or none.",
            "B3_EVENTS=x não é uma pasta: dê uma pasta de respostas, network ou none.",
        ),
        (
            "Yahoo could not be asked (Failed to perform, curl: (6) Could not resolve host: a.b); try 2 of 6 in 1.6 s",
            "não foi possível consultar o Yahoo (Failed to perform, curl: (6) Could not resolve host: a.b); "
            "tentativa 2 de 6 em 1,6 s",
        ),
        ("it needs Terraform 1.6 or newer; 1,234.5 MB", "it needs Terraform 1.6 or newer; 1.234,5 MB"),
        ("What nobody knows stays.", "What nobody knows stays."),
        ("SELECT ticker FROM b3_daily_history", "SELECT ticker FROM b3_daily_history"),
    ],
)
def test_causes_within_sentences_are_told_too(english: str, portuguese: str) -> None:
    assert told(english, "pt") == portuguese


@given(st.text(alphabet=" :;,.(){}[]ab1\n", max_size=300))
def test_whatever_is_no_sentence_stays(text: str) -> None:
    """Only what stands between the values of general sentences is there: `{}: {}`, `{}, {}, {}`."""
    assert told(text, "en") == told(text, "pt") == text


def test_a_long_message_is_told_at_once() -> None:
    begun = time.monotonic()
    text = ", ".join(["PETR4: a (b) and c"] * 1000)
    assert told(text, "pt") == text
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt"),
        ({"LANG": "pt"}, "pt"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "pt_BR"}, "pt"),
        ({"LANG": "pt_BR", "LC_MESSAGES": "pt_BR", "LC_ALL": "C"}, "en"),
    ],
)
def test_the_locale_names_the_language(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language


def _said(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["env", "LC_ALL=pt_BR.UTF-8", sys.executable, "-m", "b3lake", *arguments]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_what_is_missing_is_named_in_portuguese() -> None:
    nothing = {"LC_ALL": "pt_BR.UTF-8", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    nothing |= {"AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ["PATH"], "PYTHONPATH": str(paths.ROOT)}
    command = [sys.executable, "-m", "b3lake", "preflight"]
    done = subprocess.run(command, cwd=paths.ROOT, env=nothing, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "b3lake preflight: O data lake ainda não pode ser implantado aqui; falta: credenciais.\n"


def test_a_command_speaks_portuguese() -> None:
    assert _said().stdout.startswith("uso: b3lake COMANDO [opções]\n\n  fetch      busca cotações ")
    helped = _said("fetch", "--help").stdout
    assert helped.startswith("uso: b3lake fetch [-h]")
    assert "\nopções:\n  -h, --help " in helped
    assert "mostra esta ajuda e termina" in helped
    assert not re.search(r"\b(the|without|days|with)\b", helped.partition("opções:")[2])
    refused = _said("ask", "nope", "--rows", "0")
    assert refused.stderr.startswith("b3lake ask: Não existe a consulta 'nope': dê um arquivo .sql, ou uma de average_")
    wrong = _said("ask", "latest_close", "--list")
    assert wrong.stderr == "b3lake ask: argumento --list: não pode ser usado com query; --help lista as opções.\n"
