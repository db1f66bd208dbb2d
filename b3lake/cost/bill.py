"""The bill of a month as rows of text, in English or Portuguese. Pure."""

from dataclasses import dataclass, replace

from b3lake.cost.model import Lake, backfill, month, quantities, total
from b3lake.cost.prices import Prices

_TEXTS = {
    "en": {
        "service": "service",
        "quantity": "in a month",
        "stopped": "in all, the host stopped between runs",
        "on": "in all, the host always on",
        "title": "{tickers} tickers, {years} years, {questions} questions a month, host {host}",
        "host stopped": "stopped between runs",
        "host on": "always on",
        "allowance": "Less the allowances that every account always has: {stopped} and {on} USD.",
        "backfill": "Once, for filling the lake: {backfill} USD.",
        "prices": "List prices in us-east-1, {as_of}, without taxes.",
    },
    "pt": {
        "service": "serviço",
        "quantity": "em um mês",
        "stopped": "no total, com o host parado entre as execuções",
        "on": "no total, com o host sempre ligado",
        "title": "{tickers} ativos, {years} anos, {questions} perguntas por mês, host {host}",
        "host stopped": "parado entre as execuções",
        "host on": "sempre ligado",
        "allowance": "Descontadas as franquias permanentes de cada conta: {stopped} e {on} USD.",
        "backfill": "Uma vez, para encher o data lake: {backfill} USD.",
        "prices": "Preços de tabela em us-east-1, {as_of}, sem impostos.",
    },
}


@dataclass(frozen=True)
class Bill:
    """A title, the heads of three columns, a row per service, the totals with the host stopped and on, and notes."""

    title: str
    heads: tuple[str, str, str]
    rows: list[tuple[str, str, str]]
    totals: list[tuple[str, str]]
    notes: list[str]

    def markdown(self) -> str:
        """The bill as a table in Markdown, its title before it and its notes after it."""
        lines = [self.title, "", f"| {' | '.join(self.heads)} |", "|---|---|---:|"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        lines += [f"| **{text}** | | **{usd}** |" for text, usd in self.totals]
        return "\n".join([*lines, "", *self.notes])


def draw_up(lake: Lake, prices: Prices, language: str) -> Bill:
    """The bill of `lake`: its rows are with its own host, its totals with both."""
    texts = _TEXTS[language]
    hosts = {name: replace(lake, host_stays_on=stays) for name, stays in (("stopped", False), ("on", True))}
    billed = {name: total(month(one), prices) for name, one in hosts.items()}
    less = {name: number(total(month(one), prices, allowance=True), language) for name, one in hosts.items()}
    title = texts["title"].format(
        tickers=number(lake.tickers, language, 0),
        years=lake.years,
        questions=number(lake.questions, language, 0),
        host=texts["host on" if lake.host_stays_on else "host stopped"],
    )
    notes = [
        texts["allowance"].format(**less),
        texts["backfill"].format(backfill=number(total(backfill(lake), prices), language)),
        texts["prices"].format(as_of=prices.as_of),
    ]
    heads = (texts["service"], texts["quantity"], "USD")
    totals = [(texts[name], number(usd, language)) for name, usd in billed.items()]
    return Bill(title, heads, _rows(lake, prices, language), totals, notes)


def _rows(lake: Lake, prices: Prices, language: str) -> list[tuple[str, str, str]]:
    """A row per service: what is used of it, and its list price."""
    used: dict[str, list[str]] = {}
    usd: dict[str, float] = {}
    for name, quantity in quantities(month(lake)).items():
        price = prices[name]
        unit = price.unit_pt if language == "pt" else price.unit
        if quantity:
            digits = 0 if quantity >= 100 or quantity == int(quantity) else 2
            used.setdefault(price.service, []).append(f"{number(quantity, language, digits)} {unit}")
        usd[price.service] = usd.get(price.service, 0) + price.of(quantity, allowance=False)
    return [(service, ", ".join(texts), number(usd[service], language)) for service, texts in used.items()]


def number(value: float, language: str, digits: int = 2) -> str:
    """A number as it is written in the language, with so many digits after the point (the comma)."""
    text = f"{value:,.{digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "pt" else text
