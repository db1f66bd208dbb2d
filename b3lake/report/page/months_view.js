// The view of months: a table of years and months, coloured by the return, of adjusted prices.
const FULL_COLOUR = 0.12; // the return from which on a cell is as strong as it gets

function drawMonths(series) {
  const prices = pricesOf(series);
  const years = monthlyReturns(prices.dates, prices.close, prices.stretches);
  const names = Array.from({ length: 12 }, (_, at) => date(`2024-${String(at + 1).padStart(2, "0")}-15`, { day: undefined, year: undefined, month: "short" }).replace(".", ""));
  const head = ["", ...names, texts().year].map((text) => element("th", { scope: "col", text }));
  const rows = years.map(({ year, months, total }) => {
    const cells = months.map((value) => returnCell(value, ""));
    return element("tr", {}, element("th", { scope: "row", text: String(year) }), ...cells, returnCell(total, "total"));
  });
  document.querySelector("#months thead tr").replaceChildren(...head);
  document.querySelector("#months tbody").replaceChildren(...rows);
  document.getElementById("months").setAttribute("aria-label", texts().chart.months(series.ticker));
}

function returnCell(value, className) {
  const cell = element("td", { className: `${className} ${direction(value)}`, text: missing(value) ? "" : signed(100 * value, 1) });
  if (!missing(value)) cell.style.setProperty("--strength", `${Math.round(Math.min(1, Math.abs(value) / FULL_COLOUR) * 62)}%`);
  return cell;
}
