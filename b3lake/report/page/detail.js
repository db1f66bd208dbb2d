// One ticker: its last quote, the range of sessions to look at, and the figures of the session under the pointer.
const SPANS = { month: 21, quarter: 62, half: 124, year: 248, all: Infinity }; // in sessions
const defaultSpan = () => (narrow() ? "quarter" : "half");

function drawDetail() {
  const position = page.summaries.findIndex((summary) => summary.ticker === page.chosen);
  const [series, summary] = [page.data.tickers[position], page.summaries[position]];
  const last = series.days.length - 1;
  const tone = direction(summary.delta);
  const put = (id, text) => { document.getElementById(id).textContent = text; };
  put("ticker", summary.ticker);
  put("price", price(summary.ticker, summary.close));
  put("day", date(summary.day));
  const change = document.getElementById("change");
  change.className = `chip ${tone}`;
  change.textContent = missing(summary.delta) ? DASH : `${ARROWS[tone]}${signed(summary.delta)} (${percent(summary.change)})`;
  const names = texts().figures;
  const figures = [
    [names.open, number(series.open[last], 2)], [names.high, number(series.high[last], 2)],
    [names.low, number(series.low[last], 2)], [names.volume, shares(summary.volume)],
    [names.average, number(summary.average, 2)], [names.distance, percent(summary.distance)],
  ];
  document.getElementById("figures").replaceChildren(
    ...figures.map(([name, value]) => element("div", {}, element("dt", { text: name }), element("dd", { text: value }))));
  const range = page.ranges.get(page.chosen) ?? spanRange(series, defaultSpan());
  put("hint", texts().hint(coarse()));
  drawRange(series, range);
  drawChart(series, range);
}

const chosenSeries = () => page.data.tickers.find((series) => series.ticker === page.chosen);

function spanRange(series, name) {
  const last = series.days.length - 1;
  return [Math.max(0, last - SPANS[name] + 1), last];
}

function chooseRange([from, to]) {
  const series = chosenSeries();
  const last = series.days.length - 1;
  const start = Math.min(Math.max(0, from), last);
  const range = [start, Math.max(start, Math.min(last, to))];
  page.ranges.set(page.chosen, range);
  drawRange(series, range);
  moveChart(range);
}

function drawRange(series, [from, to]) {
  const last = series.days.length - 1;
  const useful = Object.keys(SPANS).filter((name) => name === "all" || SPANS[name] <= last);
  const buttons = useful.map((name) => {
    const span = spanRange(series, name);
    const button = element("button", { type: "button", text: texts().spans[name] });
    button.dataset.span = name;
    button.setAttribute("aria-pressed", String(span[0] === from && span[1] === to));
    button.addEventListener("click", () => {
      chooseRange(span);
      document.querySelector(`#spans [data-span="${name}"]`).focus();
    });
    return button;
  });
  document.getElementById("spans").replaceChildren(...buttons);
  const day = (index) => date(page.data.sessions[series.days[index]]);
  for (const [id, index] of [["from", from], ["to", to]]) {
    const slide = document.getElementById(id);
    [slide.max, slide.value, slide.disabled] = [last, index, last === 0];
    slide.setAttribute("aria-valuetext", day(index));
  }
  const share = (index) => `${(100 * index) / Math.max(1, last)}%`;
  Object.assign(document.getElementById("stretch").style, { left: share(from), width: share(to - from) });
  document.getElementById("seen").textContent = texts().seen(day(from), day(to), number(to - from + 1));
  drawReadout(to);
}

function slide(event) {
  const [from, to] = ["from", "to"].map((id) => Number(document.getElementById(id).value));
  chooseRange(event.target.id === "from" ? [Math.min(from, to), to] : [from, Math.max(from, to)]);
}

function drawReadout(index) {
  const series = chosenSeries();
  const names = texts().readout;
  const pairs = ["open", "high", "low", "close", "volume", "average", "delta"].map((name) => {
    const value = series[name][index];
    const text = name === "volume" ? shares(value) : name === "delta" ? signed(value) : number(value, 2);
    return element("span", {}, `${names[name]} `, element("b", { text, className: name === "delta" ? direction(value) : "" }));
  });
  const day = date(page.data.sessions[series.days[index]], { weekday: "short" });
  document.getElementById("readout").replaceChildren(element("span", {}, element("b", { text: day })), ...pairs);
}
