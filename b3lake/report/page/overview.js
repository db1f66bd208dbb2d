// The table of all tickers: one row each, sortable, filterable.
const SPARK_SESSIONS = 60;
const COLUMNS = ["ticker", "close", "delta", "change", "distance", "volume", "spark"];
const SORTS = { // of the list that narrow screens offer
  ticker: ["ticker", 1], changeDown: ["change", -1], changeUp: ["change", 1], distanceDown: ["distance", -1],
  distanceUp: ["distance", 1], volumeDown: ["volume", -1], closeDown: ["close", -1],
};

function summarise(series) {
  const last = series.days.length - 1;
  const [close, delta, average] = [series.close[last], series.delta[last], series.average[last]];
  const before = missing(delta) || missing(close) ? null : close - delta;
  return {
    ticker: series.ticker,
    day: page.data.sessions[series.days[last]],
    late: series.days[last] < page.data.sessions.length - 1,
    close, delta, average,
    change: before ? delta / before : null,
    distance: average && !missing(close) ? close / average - 1 : null,
    volume: series.volume[last],
    spark: series.close.slice(-SPARK_SESSIONS),
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
  if (summary.late) name.append(element("small", { className: "late", text: date(summary.day), title: texts().lateHint }));
  const row = element("tr", {},
    name,
    element("td", { className: "close", text: number(summary.close, 2) }),
    element("td", { className: `delta ${tone}`, text: signed(summary.delta) }),
    element("td", { className: `change ${tone}`, text: ARROWS[tone] + percent(summary.change) }),
    element("td", { className: `distance ${direction(summary.distance)}`, text: percent(summary.distance) }),
    element("td", { className: "volume", text: shares(summary.volume) }),
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

function sortBy(column, order) {
  page.sort = { column, order };
  drawOverview();
}

function drawOverview() {
  drawHead();
  const wanted = page.filter.trim().toLowerCase();
  const shown = page.summaries.filter((summary) => summary.ticker.toLowerCase().includes(wanted));
  shown.sort(compare(page.sort.column, page.sort.order));
  document.querySelector("#overview tbody").replaceChildren(...shown.map(drawRow));
  document.getElementById("count").textContent = texts().count(shown.length, page.summaries.length);
  const nothing = document.getElementById("nothing");
  nothing.hidden = shown.length > 0;
  nothing.textContent = texts().nothing(page.filter.trim());
  markChosen();
}

function markChosen() {
  for (const row of document.querySelectorAll("#overview tbody tr")) {
    row.setAttribute("aria-current", String(row.dataset.ticker === page.chosen));
  }
}
