// The view of falls: how far the adjusted close is below its highest one since the first day shown.
function drawFalls(series, range, colours) {
  const prices = pricesOf(series);
  const [first, last] = rowsIn(series, range);
  const falls = drawdownOf(prices.close, first, last);
  const line = broken(series.days.slice(first, last + 1), falls, prices.stretches.slice(first, last + 1));
  const deepest = deepestFall(falls);
  const traces = [{ name: "falls", type: "scatter", mode: "lines", fill: "tozeroy", hoverinfo: "skip", showlegend: false, connectgaps: false, ...line, line: { color: colours.down, width: 1.5 } }];
  const layout = {
    ...baseLayout(colours, range, "y"),
    yaxis: sideAxis(colours, { domain: [0, 1], tickformat: ",.0%", zeroline: true, zerolinecolor: colours.quiet, zerolinewidth: 1, nticks: 9 }),
    annotations: [],
  };
  if (deepest) {
    const { bottom, peak, fall } = deepest;
    traces.push({ name: "deepest", type: "scatter", mode: "markers", hoverinfo: "skip", x: [series.days[first + bottom]], y: [fall], marker: { size: 9, color: colours.down } });
    const days = [date(prices.dates[first + peak]), date(prices.dates[first + bottom])];
    layout.annotations.push(panelLabel(colours, texts().deepest(percent(fall), ...days), 0.01));
  }
  return { traces, layout, falls, first };
}
