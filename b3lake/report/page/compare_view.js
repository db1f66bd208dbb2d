// The view that compares: returns with dividends since the first day shown, of tickers, the IBOV and the CDI.
const CDI = "CDI";
const MOST_COMPARED = 6;

// The names compared, the ticker on show first.
function comparedNames(series) {
  const there = (name) => (name === CDI ? hasCdi() : page.data.tickers.some(({ ticker }) => ticker === name));
  return [...new Set([series.ticker, ...page.compared.filter(there)])].slice(0, MOST_COMPARED);
}

const hasCdi = () => page.data.cdi.some((rate) => rate !== null);

// One line: places, returns, and the first day if it is later than the one asked for.
function comparedLine(name, range) {
  const [from, to] = range;
  if (name === CDI) {
    const y = cdiSince(page.data.cdi, from, to);
    return { name, x: y.map((_, at) => from + at), y, stretches: y.map(() => 0), begins: from };
  }
  const series = page.data.tickers.find(({ ticker }) => ticker === name);
  const prices = pricesOf(series);
  const [first, last] = rowsIn(series, range);
  const cut = (values) => values.slice(first, last + 1);
  return { name, x: cut(series.days), y: relativeTo(prices.close, first, last), stretches: cut(prices.stretches), begins: series.days[first] };
}

function drawComparison(series, range, colours) {
  const lines = comparedNames(series).map((name) => comparedLine(name, range));
  const traces = lines.map(({ name, x, y, stretches }, at) => ({
    name, type: "scatter", mode: "lines", hoverinfo: "skip", showlegend: false, connectgaps: false, ...broken(x, y, stretches),
    line: { color: colours[`line-${at + 1}`], width: at === 0 ? 2.4 : 1.7, dash: name === CDI ? "dash" : "solid" },
  }));
  const layout = {
    ...baseLayout(colours, range, "y"),
    yaxis: sideAxis(colours, { domain: [0, 1], tickformat: "+,.0%", zeroline: true, zerolinecolor: colours.quiet, zerolinewidth: 1, nticks: 9 }),
  };
  return { traces, layout, lines };
}

function drawCompared(series) {
  const names = comparedNames(series);
  const chips = names.map((name, at) => {
    const chip = element("span", { className: "compared" }, element("i", { style: `background: var(--line-${at + 1})` }), name);
    if (at === 0) return chip;
    const button = element("button", { type: "button", text: "×", "aria-label": texts().without(name) });
    button.addEventListener("click", () => { page.compared = page.compared.filter((each) => each !== name); drawDetail(); });
    chip.append(button);
    return chip;
  });
  document.getElementById("compared").replaceChildren(...chips);
  const others = [...(hasCdi() ? [CDI] : []), ...page.data.tickers.map(({ ticker }) => ticker)].filter((name) => !names.includes(name));
  const place = document.getElementById("adder");
  place.replaceChildren(element("option", { value: "", text: texts().add }), ...others.map((name) => element("option", { value: name, text: name })));
  place.disabled = names.length >= MOST_COMPARED;
  document.getElementById("without-cdi").hidden = hasCdi();
}

function addCompared(name) {
  if (name === "") return;
  page.compared.push(name);
  drawDetail();
}
