// The view of prices: candles with averages, traded value, and daily change or volatility below; events are marked.
const MOST_CANDLES = 520; // two years of days; of more, weeks are shown
const AVERAGES = [5, 20, 50, 200];
const VOLATILITY_SESSIONS = 21;

function drawPrices(series, range, colours) {
  const prices = pricesOf(series, page.adjusted);
  const [first, last] = rowsIn(series, range);
  const candles = candlesOf(prices, first, last);
  const x = candles.row.map((row) => series.days[row]);
  const below = belowOf(series, prices, candles);
  const lines = page.averages.map((size) => [size, averageOf(prices, size)]);
  const silent = { hoverinfo: "skip", showlegend: false };
  const rose = candles.close.map((close, at) => close >= candles.open[at]);
  const amounts = isIndex(series.ticker) ? candles.volume : candles.value;
  const seen = { x: series.days.slice(first, last + 1), stretches: prices.stretches.slice(first, last + 1) };
  const traces = [
    { ...silent, name: "candles", type: "candlestick", x, open: candles.open, high: candles.high, low: candles.low, close: candles.close,
      increasing: { line: { color: colours.up, width: 1.2 }, fillcolor: colours.card },
      decreasing: { line: { color: colours.down, width: 1.2 }, fillcolor: colours.down } },
    { ...silent, name: "amount", type: "bar", x, y: amounts, yaxis: "y2", marker: { color: rose.map((up) => (up ? colours.up : colours.down)), opacity: 0.55, line: { width: 0 } } },
    belowTrace(silent, x, below, colours),
    ...lines.map(([size, values]) => ({ ...silent, name: `average${size}`, type: "scatter", mode: "lines", ...broken(seen.x, values.slice(first, last + 1), seen.stretches), line: { color: averageColour(colours, size), width: 1.6 }, connectgaps: false })),
    marksTrace(silent, series, first, last, colours),
  ];
  return { traces, layout: priceLayout(series, range, { candles, amounts, below, lines, first, last }, colours), candles };
}

// The rows to draw as candles, each with the number of its (last) row.
function candlesOf(prices, first, last) {
  if (last - first + 1 > MOST_CANDLES) return { ...weeklyCandles(prices.dates, prices, first, last), weekly: true };
  const cut = (values) => values.slice(first, last + 1);
  const columns = Object.fromEntries(["open", "high", "low", "close", "volume", "value"].map((name) => [name, cut(prices[name])]));
  return { row: prices.dates.slice(first, last + 1).map((_, at) => first + at), ...columns, weekly: false };
}

const averageColour = (colours, size) => colours[`line-${AVERAGES.indexOf(size) + 2}`];

// Averages and volatilities are of every row, made once for each way to look at the prices.
function keptWith(prices, name, make) {
  prices.kept ??= new Map();
  if (!prices.kept.has(name)) prices.kept.set(name, make());
  return prices.kept.get(name);
}
const averageOf = (prices, size) => keptWith(prices, `average${size}`, () => movingAverage(prices.close, prices.stretches, size));
const returnsOf = (prices) => keptWith(prices, "returns", () => dailyReturns(prices.close, prices.stretches));

// The lowest panel: the volatility of adjusted prices, or the change since the candle before.
function belowOf(series, prices, candles) {
  const adjusted = pricesOf(series);
  if (page.below === "volatility") {
    const spread = keptWith(adjusted, "volatility", () => volatility(returnsOf(adjusted), adjusted.stretches, VOLATILITY_SESSIONS));
    return candles.row.map((row) => spread[row]);
  }
  const before = candles.row[0] - 1;
  const closes = [before >= 0 ? prices.close[before] : null, ...candles.close];
  const stretches = [before >= 0 ? prices.stretches[before] : null, ...candles.row.map((row) => prices.stretches[row])];
  return dailyReturns(closes, stretches).slice(1);
}

function belowTrace(silent, x, below, colours) {
  if (page.below === "volatility") return { ...silent, name: "below", type: "scatter", mode: "lines", x, y: below, yaxis: "y3", line: { color: colours.average, width: 1.4 }, connectgaps: false };
  return { ...silent, name: "below", type: "bar", x, y: below, yaxis: "y3", marker: { color: below.map((change) => (change >= 0 ? colours.up : colours.down)), line: { width: 0 } } };
}

// Dividends and splits, at the foot of the candles; letters only where there is room for them.
function marksTrace(silent, series, first, last, colours) {
  const events = page.marks ? series.events.filter(({ at }) => at >= first && at <= last) : [];
  const room = events.length <= document.getElementById("chart").clientWidth / 22;
  return {
    ...silent, name: "events", type: "scatter", mode: room ? "markers+text" : "markers", yaxis: "y4",
    x: events.map(({ at }) => series.days[at]), y: events.map(() => 0.03),
    text: events.map(eventLetter), textfont: { size: 9, color: colours.card }, textposition: "middle center", cliponaxis: false,
    marker: { size: room ? 15 : 6, symbol: events.map(({ ratio }) => (ratio ? "square" : "circle")), color: events.map(({ ratio }) => (ratio ? colours["line-1"] : colours["line-6"])) },
  };
}

function priceLayout(series, range, { candles, amounts, below, lines, first, last }, colours) {
  const known = (values) => values.filter((value) => !missing(value));
  const seen = known([...candles.low, ...candles.high, ...lines.flatMap(([, values]) => values.slice(first, last + 1)), ...candles.close]);
  const [low, high] = seen.length ? [least(seen), most(seen)] : [1, 2];
  const logarithmic = page.log && low > 0;
  const margin = logarithmic ? 0.06 * (Math.log10(high / low) || 0.1) : (high - low || Math.abs(high) || 1) * 0.06;
  const ends = logarithmic ? [Math.log10(low) - 1.6 * margin, Math.log10(high) + margin] : [low - 1.6 * margin, high + margin];
  const top = most([...known(amounts), 1]);
  const ticks = amountTicks(top);
  const spread = most([...known(below).map(Math.abs), 0.001]) * 1.1;
  const names = texts().panels;
  const amountName = isIndex(series.ticker) ? names.shares : pricesOf(series).estimated ? names.estimated : names.value;
  return {
    ...baseLayout(colours, range, "y3"),
    yaxis: sideAxis(colours, { domain: [0.43, 1], nticks: 7, type: logarithmic ? "log" : "linear", range: ends, tickformat: tickFormat(high), ...(logarithmic ? { tickvals: logTicks(low, high) } : {}) }),
    yaxis2: sideAxis(colours, { domain: [0.21, 0.36], range: [0, top * 1.08], tickvals: ticks, ticktext: ticks.map((value) => number(value, 0, { notation: "compact", maximumFractionDigits: 1 })) }),
    yaxis3: sideAxis(colours, { domain: [0, 0.15], nticks: 4, zeroline: true, zerolinecolor: colours.quiet, zerolinewidth: 1, range: [page.below === "volatility" ? 0 : -spread, spread], tickformat: ",.1%" }),
    yaxis4: { overlaying: "y", domain: [0.43, 1], range: [0, 1], visible: false, fixedrange: true },
    annotations: [panelLabel(colours, candles.weekly ? names.weekly(amountName) : amountName, 0.365), panelLabel(colours, page.below === "volatility" ? names.volatility : candles.weekly ? names.weeklyChange : names.change, 0.153)],
  };
}

const least = (values) => values.reduce((a, b) => Math.min(a, b));
const most = (values) => values.reduce((a, b) => Math.max(a, b));

// Round prices that a logarithmic axis names.
function logTicks(low, high) {
  const all = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const factor of high / low > 30 ? [1, 3] : high / low > 4 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8]) all.push(factor * 10 ** power);
  }
  return all.filter((tick) => tick >= low * 0.9 && tick <= high * 1.1);
}

function amountTicks(top) {
  const unit = 10 ** Math.floor(Math.log10(top));
  const size = [8, 6, 5, 4, 3, 2, 1].map((factor) => factor * unit).find((value) => value <= top);
  return [0, size / 2, size];
}
