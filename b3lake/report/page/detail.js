// One ticker: its last quote, its figures, and the view that is chosen of it.
const VIEWS = ["price", "compare", "drawdown", "months"];

function drawDetail() {
  const position = page.summaries.findIndex((summary) => summary.ticker === page.chosen);
  const [series, summary] = [page.data.tickers[position], page.summaries[position]];
  const tone = direction(summary.delta);
  const put = (id, text) => { document.getElementById(id).textContent = text; };
  put("ticker", summary.ticker);
  put("who", [nameOf(series), series.spec?.split(" ")[0], texts().kinds[kindOf(series)]].filter(Boolean).join(" · "));
  put("price", price(summary.ticker, summary.close));
  put("day", date(summary.day));
  const change = document.getElementById("change");
  change.className = `chip ${tone}`;
  change.textContent = missing(summary.delta) ? DASH : `${ARROWS[tone]}${signed(summary.delta)} (${percent(summary.change)})`;
  drawFigures(series, summary);
  put("hint", texts().hint(coarse()));
  drawControls();
  const isTable = page.view === "months";
  for (const node of document.querySelectorAll("[data-shows]")) node.hidden = !node.dataset.shows.split(" ").includes(page.view);
  if (page.view === "compare") drawCompared(series);
  if (isTable) {
    drawMonths(series);
    return;
  }
  const range = rangeOf(series);
  chart.range = range;
  drawRange(series, range);
  drawChart(series, range);
}

const chosenSeries = () => page.data.tickers.find((series) => series.ticker === page.chosen);

function drawFigures(series, summary) {
  const prices = pricesOf(series);
  const names = texts().figures;
  const last = series.days.length - 1;
  const year = yearRange(prices.dates, prices.low, prices.high);
  const since = (span) => {
    const [from, to] = rowsIn(series, spanRange(series, span));
    return spanRange(series, span)[0] > series.days[0] && prices.stretches[from] === prices.stretches[to] ? relativeTo(prices.close, from, to).at(-1) : null;
  };
  const figures = [
    [names.high, number(series.high[last], 2)], [names.low, number(series.low[last], 2)],
    [isIndex(series.ticker) ? names.shares : names.value, isIndex(series.ticker) ? shares(series.volume[last]) : reais(summary.value)],
    [names.ytd, percent(since("ytd")), direction(since("ytd"))], [names.year, percent(since("year")), direction(since("year"))],
    [names.volatility, share(yearVolatility(returnsOf(prices)))],
    [names.weeks, year ? `${number(year.low, 2)} – ${number(year.high, 2)}` : DASH],
  ];
  const cells = figures.map(([name, text, className = ""]) => element("div", {}, element("dt", { text: name }), element("dd", { text, className })));
  if (year) cells.at(-1).append(yearBar(year, summary.close));
  document.getElementById("figures").replaceChildren(...cells);
}

// Where the close stands between the year's lowest and highest price.
function yearBar({ low, high }, close) {
  const bar = element("i", { className: "bar", "aria-hidden": "true" }, element("i"));
  bar.firstChild.style.left = `${high > low ? (100 * (close - low)) / (high - low) : 50}%`;
  return bar;
}

// The buttons of the views and of the ways to look at prices.
function drawControls() {
  const press = (id, names, isOn, label, choose) => {
    const buttons = names.map((name) => {
      const button = element("button", { type: "button", text: label(name), "aria-pressed": String(isOn(name)) });
      button.dataset.name = name;
      button.addEventListener("click", () => {
        choose(name);
        drawDetail();
        document.querySelector(`#${id} [data-name="${name}"]`).focus();
      });
      return button;
    });
    document.getElementById(id).replaceChildren(...buttons);
  };
  press("views", VIEWS, (name) => page.view === name, (name) => texts().views[name], (name) => { page.view = name; });
  press("adjusting", ["adjusted", "traded"], (name) => page.adjusted === (name === "adjusted"), (name) => texts().adjusting[name], (name) => { page.adjusted = name === "adjusted"; });
  press("averages", AVERAGES, (size) => page.averages.includes(size), (size) => `${texts().readout.average}${size}`, (size) => {
    page.averages = page.averages.includes(size) ? page.averages.filter((each) => each !== size) : [...page.averages, size].sort((a, b) => a - b);
  });
  press("looks", ["log", "marks", "below"], (name) => ({ log: page.log, marks: page.marks, below: page.below === "volatility" })[name], (name) => texts().looks[name], (name) => {
    if (name === "below") page.below = page.below === "volatility" ? "change" : "volatility";
    else page[name] = !page[name];
  });
  for (const button of document.querySelectorAll("#averages button")) button.style.setProperty("--its", `var(--line-${AVERAGES.indexOf(Number(button.dataset.name)) + 2})`);
}
