// What is seen, as a file: a table as CSV, the picture as PNG.
function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function fileName(series, ending) {
  const days = page.view === "months" ? "" : `-${dayAt(chart.range[0])}-${dayAt(chart.range[1])}`;
  return `${series.ticker.replace(/[^\w.-]/g, "_")}-${texts().files[page.view]}${days}.${ending}`;
}

// Excel in Brazil reads semicolons and decimal commas; in English it is the other way round.
function csvText(rows) {
  const [separator, mark] = page.language === "pt" ? [";", ","] : [",", "."];
  const cell = (value) => {
    if (missing(value)) return "";
    if (typeof value === "number") return String(value).replace(".", mark);
    return /[";,\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  };
  return `\ufeff${rows.map((row) => row.map(cell).join(separator)).join("\r\n")}\r\n`;
}

const rounded = (value, decimals = 6) => (missing(value) ? null : Number(value.toFixed(decimals)));

// The rows of the chosen view, headings first.
function tableOf(series) {
  return { price: pricesTable, compare: comparisonTable, drawdown: fallsTable, months: monthsTable }[page.view](series);
}

function pricesTable(series) {
  const prices = pricesOf(series, page.adjusted);
  const candles = candlesOf(prices, ...rowsIn(series, chart.range));
  const names = texts().csv;
  const averages = page.averages.map((size) => averageOf(prices, size));
  const head = [names.day, names.open, names.high, names.low, names.close, names.volume, names.value, ...page.averages.map((size) => `${names.average}${size}`), names.events];
  const body = candles.row.map((row, at) => {
    const begin = (candles.row[at - 1] ?? row - 1) + 1;
    const events = series.events.filter((event) => event.at >= begin && event.at <= row).map(eventText).join(" | ");
    const columns = ["open", "high", "low", "close", "volume", "value"].map((name) => rounded(candles[name][at], 4));
    return [prices.dates[row], ...columns, ...averages.map((values) => rounded(values[row], 4)), events];
  });
  return [head, ...body];
}

function comparisonTable(series) {
  const lines = comparedNames(series).map((name) => comparedLine(name, chart.range));
  const by = lines.map(({ x, y }) => new Map(x.map((place, at) => [place, y[at]])));
  const places = [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const body = places.map((place) => [dayAt(place), ...by.map((values) => rounded(values.get(place)))]);
  return [[texts().csv.day, ...lines.map(({ name }) => name)], ...body];
}

function fallsTable(series) {
  const [first, last] = rowsIn(series, chart.range);
  const prices = pricesOf(series);
  const body = drawdownOf(prices.close, first, last).map((fall, at) => [prices.dates[first + at], rounded(prices.close[first + at], 4), rounded(fall)]);
  return [[texts().csv.day, texts().csv.close, texts().csv.fall], ...body];
}

function monthsTable(series) {
  const prices = pricesOf(series);
  const years = monthlyReturns(prices.dates, prices.close, prices.stretches);
  const head = [texts().year, ...Array.from({ length: 12 }, (_, at) => String(at + 1)), texts().csv.total];
  return [head, ...years.map(({ year, months, total }) => [year, ...months.map((value) => rounded(value)), rounded(total)])];
}

function saveTable() {
  const series = chosenSeries();
  save(new Blob([csvText(tableOf(series))], { type: "text/csv" }), fileName(series, "csv"));
}

async function savePicture() {
  const series = chosenSeries();
  save(page.view === "months" ? await paintTable(series) : await paintChart(series), fileName(series, "png"));
}

// The heading of a picture: it has to say what it shows, and that prices are invented, once it is out of the page.
function pictureTitle(series) {
  const span = page.view === "months" ? "" : ` · ${date(dayAt(chart.range[0]))} – ${date(dayAt(chart.range[1]))}`;
  const how = page.view === "price" && !isIndex(series.ticker) ? ` · ${texts().adjusting[page.adjusted ? "adjusted" : "traded"].toLowerCase()}` : "";
  const who = page.view === "compare" ? comparedNames(series).join(", ") : series.ticker;
  const warning = page.data.state.synthetic ? ` · ${texts().syntheticTitle.toUpperCase()}` : "";
  return `${who} · ${texts().views[page.view]}${how}${span}${warning}`;
}

async function paintChart(series) {
  const colours = palette();
  const { traces, layout } = figureOf(series, chart.range);
  const title = { text: pictureTitle(series).replaceAll("<", "&lt;"), font: { size: 14 }, x: 0.02, xanchor: "left" };
  const legend = page.view === "compare" ? { showlegend: true, legend: { orientation: "h", y: 1.06, x: 0 } } : {};
  if (page.view === "compare") for (const trace of traces) trace.showlegend = true;
  const figure = { data: traces, layout: { ...layout, title, ...legend, margin: { ...layout.margin, t: 64 }, paper_bgcolor: colours.card, plot_bgcolor: colours.card } };
  const url = await window.Plotly.toImage(figure, { format: "png", width: 1100, height: 640, scale: 2 });
  return new Blob([Uint8Array.from(atob(url.split(",")[1]), (char) => char.charCodeAt(0))], { type: "image/png" });
}

// The table of months, cell by cell as the page shows it.
function paintTable(series) {
  const table = document.getElementById("months");
  const box = table.getBoundingClientRect();
  const canvas = document.createElement("canvas");
  const [scale, top, edge] = [2, 44, 14];
  [canvas.width, canvas.height] = [(box.width + 2 * edge) * scale, (box.height + top + edge) * scale];
  const brush = canvas.getContext("2d");
  const style = getComputedStyle(document.querySelector(".detail"));
  brush.scale(scale, scale);
  brush.fillStyle = style.backgroundColor;
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = style.color;
  brush.font = `600 14px ${style.fontFamily}`;
  brush.fillText(pictureTitle(series), edge, 27);
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  for (const cell of table.querySelectorAll("th, td")) {
    const [place, its] = [cell.getBoundingClientRect(), getComputedStyle(cell)];
    const [left, above] = [place.left - box.left + edge, place.top - box.top + top];
    brush.fillStyle = its.backgroundColor;
    brush.fillRect(left, above, place.width, place.height);
    brush.fillStyle = its.color;
    brush.font = `${its.fontWeight} ${its.fontSize} ${its.fontFamily}`;
    brush.fillText(cell.textContent, left + place.width / 2, above + place.height / 2);
  }
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}
