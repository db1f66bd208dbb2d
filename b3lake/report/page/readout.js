// The line above the chart: what each view has at the session under the pointer.
function drawReadout(position) {
  if (page.view === "months") return;
  const series = chosenSeries();
  const [, row] = rowsIn(series, [series.days[0], position]); // the last row up to this session
  const say = { price: priceReadout, compare: compareReadout, drawdown: fallReadout }[page.view];
  const { day, pairs } = say(series, row, position);
  const spans = pairs.map(([name, text, className = ""]) => element("span", {}, `${name} `, element("b", { text, className })));
  document.getElementById("readout").replaceChildren(element("span", {}, element("b", { text: day })), ...spans);
}

const weekday = (iso) => date(iso, { weekday: "short" });

function priceReadout(series, row) {
  const names = texts().readout;
  const prices = pricesOf(series, page.adjusted);
  const [first, last] = rowsIn(series, chart.range);
  const candles = chart.series === series && chart.drawing?.candles;
  const weekly = last - first + 1 > MOST_CANDLES && candles && candles.weekly;
  const at = weekly ? candles.row.findIndex((its) => its >= row) : -1;
  const of = (name) => (at < 0 ? prices[name][row] : candles[name][at]);
  const end = at < 0 ? row : candles.row[at];
  const begin = at < 0 ? row : (candles.row[at - 1] ?? first - 1) + 1;
  const before = begin > 0 && prices.stretches[begin] === prices.stretches[begin - 1] ? prices.close[begin - 1] : null;
  const change = !missing(of("close")) && before > 0 ? of("close") / before - 1 : null;
  const amount = isIndex(series.ticker) ? shares(of("volume")) : reais(of("value"));
  const averages = page.averages.map((size) => [`${names.average}${size}`, number(averageOf(prices, size)[end], 2)]);
  const marks = series.events.filter((event) => event.at >= begin && event.at <= end).map((event) => ["", eventText(event)]);
  return {
    day: at < 0 ? weekday(prices.dates[row]) : texts().weekOf(date(prices.dates[begin])),
    pairs: [
      ...["open", "high", "low", "close"].map((name) => [names[name], number(of(name), 2)]),
      [names.change, percent(change), direction(change)], [names.value, amount], ...averages, ...marks,
    ],
  };
}

function compareReadout(series, row, position) {
  const lines = comparedNames(series).map((name) => comparedLine(name, chart.range));
  const pairs = lines.map(({ name, x, y, begins }) => {
    const at = x.findLastIndex((place) => place <= position);
    const value = at < 0 ? null : y[at];
    const later = begins > chart.range[0] ? ` (${texts().since(date(dayAt(begins)))})` : "";
    return [`${name}${later}`, percent(value), direction(value)];
  });
  return { day: `${date(dayAt(chart.range[0]))} – ${date(dayAt(position))}`, pairs };
}

function fallReadout(series, row) {
  const prices = pricesOf(series);
  const [first] = rowsIn(series, chart.range);
  const fall = drawdownOf(prices.close, first, row).at(-1);
  const close = prices.close[row];
  const peak = missing(fall) ? null : close / (1 + fall);
  return {
    day: weekday(prices.dates[row]),
    pairs: [[texts().fall, percent(fall), direction(fall)], [texts().readout.close, number(close, 2)], [texts().peak, number(peak, 2)]],
  };
}
