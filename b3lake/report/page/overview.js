// The table of all tickers: one row each, sortable, filterable.
const SPARK_SESSIONS = 60;
const COLUMNS = ["ticker", "close", "delta", "change", "distance", "value", "spark"];
const SORTS = { // of the list that narrow screens offer
  ticker: ["ticker", 1], changeDown: ["change", -1], changeUp: ["change", 1], distanceDown: ["distance", -1],
  distanceUp: ["distance", 1], valueDown: ["value", -1], closeDown: ["close", -1],
};

// A ticker's last row; changes and average are of adjusted prices, so that no split or dividend looks like a fall.
function summarise(series) {
  const prices = pricesOf(series);
  const last = series.days.length - 1;
  const close = series.close[last];
  const change = dailyReturns(prices.close.slice(-2), prices.stretches.slice(-2)).at(-1);
  const [average] = movingAverage(prices.close.slice(-5), prices.stretches.slice(-5), 5).slice(-1);
  return {
    series,
    ticker: series.ticker,
    day: page.data.sessions[series.days[last]],
    late: series.days[last] < page.data.sessions.length - 1,
    close, average, change,
    delta: missing(change) ? null : close - prices.close[last - 1],
    distance: average && !missing(close) ? close / average - 1 : null,
    value: isIndex(series.ticker) ? null : prices.value[last],
    spark: prices.close.slice(-SPARK_SESSIONS),
  };
}

function drawSpark(closes) {
  const known = closes.filter((close) => !missing(close));
  if (known.length < 2) return document.createTextNode(DASH);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const points = known.map((close, index) => {
    const x = (index / (known.length - 1)) * 100;
    const y = high === low ? 15 : 28 - ((close - low) / (high - low)) * 26;
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `sparkline ${direction(known.at(-1) - known[0])}`);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", `M${points.join("L")}`);
  svg.append(path);
  return svg;
}

function drawRow(summary) {
  const tone = direction(summary.delta);
  const link = element("a", { text: summary.ticker, href: `#${encodeURIComponent(summary.ticker)}`, title: summary.ticker });
  const name = element("td", { className: "ticker" }, link);
  if (nameOf(summary.series)) name.append(element("small", { className: "name", text: nameOf(summary.series) }));
  if (summary.late) name.append(element("small", { className: "late", text: date(summary.day), title: texts().lateHint }));
  const row = element("tr", {},
    name,
    element("td", { className: "close", text: number(summary.close, 2) }),
    element("td", { className: `delta ${tone}`, text: signed(summary.delta) }),
    element("td", { className: `change ${tone}`, text: ARROWS[tone] + percent(summary.change) }),
    element("td", { className: `distance ${direction(summary.distance)}`, text: percent(summary.distance) }),
    element("td", { className: "value", text: reais(summary.value) }),
    element("td", { className: "spark" }, drawSpark(summary.spark)));
  row.dataset.ticker = summary.ticker;
  row.addEventListener("click", (event) => { if (event.target !== link) link.click(); });
  return row;
}

function compare(column, order) {
  return (a, b) => {
    if (column === "ticker") return order * a.ticker.localeCompare(b.ticker);
    if (missing(a[column]) || missing(b[column])) return missing(a[column]) - missing(b[column]);
    return order * (a[column] - b[column]) || a.ticker.localeCompare(b.ticker);
  };
}

function drawHead() {
  const cells = COLUMNS.map((column) => {
    const cell = element("th", { scope: "col" });
    if (column === "spark") {
      cell.append(element("button", { type: "button", text: texts().columns.spark, disabled: "" }));
      return cell;
    }
    const sorted = page.sort.column === column;
    if (sorted) cell.setAttribute("aria-sort", page.sort.order > 0 ? "ascending" : "descending");
    const button = element("button", { type: "button", text: texts().columns[column] });
    button.title = texts().columnHints[column] ?? "";
    button.dataset.column = column;
    button.addEventListener("click", () => {
      const first = column === "ticker" ? 1 : -1;
      sortBy(column, sorted ? -page.sort.order : first);
      document.querySelector(`th button[data-column="${column}"]`).focus();
    });
    cell.append(button);
    return cell;
  });
  document.querySelector("#overview thead tr").replaceChildren(...cells);
  const choices = Object.entries(SORTS).map(([name, [column, order]]) => {
    const choice = element("option", { value: name, text: texts().sorts[name] });
    choice.selected = page.sort.column === column && page.sort.order === order;
    return choice;
  });
  document.getElementById("sorter").replaceChildren(...choices);
}

function drawKinds() {
  const choices = ["", ...kindsThere()].map((kind) => {
    const choice = element("option", { value: kind, text: kind === "" ? texts().everyKind : texts().kinds[kind] ?? kind });
    choice.selected = page.kind === kind;
    return choice;
  });
  const place = document.getElementById("kind");
  place.replaceChildren(...choices);
  place.hidden = choices.length < 3;
}

function sortBy(column, order) {
  page.sort = { column, order };
  drawOverview();
}

function drawOverview() {
  drawHead();
  drawKinds();
  const wanted = page.filter.trim();
  const ofKind = (series) => page.kind === "" || kindOf(series) === page.kind;
  const shown = page.summaries.filter(({ series }) => ofKind(series) && isFound(series, wanted));
  shown.sort(compare(page.sort.column, page.sort.order));
  document.querySelector("#overview tbody").replaceChildren(...shown.map(drawRow));
  document.getElementById("count").textContent = texts().count(shown.length, page.summaries.length);
  const nothing = document.getElementById("nothing");
  nothing.hidden = shown.length > 0;
  nothing.textContent = texts().nothing(wanted);
  markChosen();
}

function markChosen() {
  for (const row of document.querySelectorAll("#overview tbody tr")) {
    row.setAttribute("aria-current", String(row.dataset.ticker === page.chosen));
  }
}
