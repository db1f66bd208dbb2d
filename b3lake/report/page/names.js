// Who is who: finding a ticker by its code or by its name, and the kinds of paper that there are.
const INDEXES = new Map([["IBOV", "Ibovespa"]]); // quoted in points, not in BRL

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const isIndex = (ticker) => INDEXES.has(ticker);
const nameOf = (series) => series.name ?? INDEXES.get(series.ticker) ?? "";
const kindOf = (series) => (isIndex(series.ticker) ? "index" : series.kind ?? "unknown");

// Whether every word of `wanted` is in the ticker or in the name: "petrobras pn" finds PETR4.
function isFound(series, wanted) {
  const text = plain(`${series.ticker} ${nameOf(series)} ${series.spec ?? ""}`);
  return plain(wanted).split(/\s+/).every((word) => text.includes(word));
}

function kindsThere() {
  const order = Object.keys(texts().kinds);
  return [...new Set(page.data.tickers.map(kindOf))].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}
