// The candlestick chart of one ticker. The horizontal axis counts sessions, so that closed days leave no holes.
let opening;
const chart = { series: null, range: [0, 0] };

// plotly.js lies in the page compressed: most readers look at the table first, and a telephone need not parse it then.
function openLibrary() {
  opening ??= (async () => {
    const packed = Uint8Array.from(atob(document.getElementById("library").textContent), (char) => char.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.nonce = document.querySelector("script[nonce]").nonce;
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
    return window.Plotly;
  })();
  return opening;
}

function palette() {
  const probe = element("i", { hidden: "" });
  document.body.append(probe);
  const colour = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
  const names = ["ink", "quiet", "grid", "card", "up", "down", "average"];
  const colours = Object.fromEntries(names.map((name) => [name, colour(name)]));
  probe.remove();
  return colours;
}

const narrow = () => matchMedia("(max-width: 699px)").matches;
// To a finger the chart is still (`staticPlot`): up and down scrolls the page, sideways reads the sessions.
const coarse = () => matchMedia("(pointer: coarse)").matches;
const margins = () => ({ l: narrow() ? 10 : 18, r: narrow() ? 50 : 62, t: 6, b: 30 });

function traces(series, colours) {
  const x = series.days.map((_, index) => index);
  const silent = { hoverinfo: "skip", showlegend: false };
  const rose = series.close.map((close, index) => close >= series.open[index]);
  return [
    { ...silent, type: "candlestick", x, open: series.open, high: series.high, low: series.low, close: series.close,
      increasing: { line: { color: colours.up, width: 1.2 }, fillcolor: colours.card },
      decreasing: { line: { color: colours.down, width: 1.2 }, fillcolor: colours.down } },
    { ...silent, type: "scatter", mode: "lines", x, y: series.average, line: { color: colours.average, width: 1.8 }, connectgaps: false },
    { ...silent, type: "bar", x, y: series.volume, yaxis: "y2", marker: { color: rose.map((up) => (up ? colours.up : colours.down)), opacity: 0.55, line: { width: 0 } } },
    { ...silent, type: "bar", x, y: series.delta, yaxis: "y3", marker: { color: series.delta.map((delta) => (delta >= 0 ? colours.up : colours.down)), line: { width: 0 } } },
  ];
}

function layout(colours) {
  const side = { side: "right", fixedrange: true, gridcolor: colours.grid, zeroline: false, tickfont: { color: colours.quiet, size: 11 }, ticklabelposition: "outside" };
  const label = (text, y) => ({ text, x: 0, y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false, font: { color: colours.quiet, size: 11 } });
  return {
    margin: margins(),
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: colours.ink, size: 12 },
    separators: page.language === "pt" ? ",." : ".,",
    hovermode: false, bargap: 0.3, showlegend: false,
    dragmode: "zoom",
    xaxis: { type: "linear", anchor: "y3", rangeslider: { visible: false }, gridcolor: colours.grid, zeroline: false, tickfont: { color: colours.quiet, size: 11 }, tickangle: 0 },
    yaxis: { ...side, domain: [0.43, 1], nticks: 7 },
    yaxis2: { ...side, domain: [0.21, 0.36], rangemode: "tozero" },
    yaxis3: { ...side, domain: [0, 0.15], nticks: 4, zeroline: true, zerolinecolor: colours.quiet, zerolinewidth: 1 },
    annotations: [label(texts().panels.volume, 0.365), label(texts().panels.delta, 0.153)],
  };
}

// What depends on the sessions in view: the ranges of the axes and the places of their ticks.
function view([from, to]) {
  const { series } = chart;
  const seen = (values) => values.slice(from, to + 1).filter((value) => !missing(value));
  const prices = [...seen(series.low), ...seen(series.high), ...seen(series.average), ...seen(series.close)];
  const [low, high] = prices.length ? [Math.min(...prices), Math.max(...prices)] : [0, 1];
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  const deltas = Math.max(...seen(series.delta).map(Math.abs), 0.01) * 1.1;
  const volumes = volumeTicks(Math.max(...seen(series.volume), 1));
  const days = dayTicks(from, to);
  return {
    "xaxis.range": [from - 0.5, to + 0.5], "xaxis.tickvals": days, "xaxis.ticktext": days.map(dayLabel(to - from)),
    "yaxis.range": [low - margin, high + margin], "yaxis.tickformat": tickFormat(high),
    "yaxis2.range": [0, Math.max(...seen(series.volume), 1) * 1.08], "yaxis2.tickvals": volumes, "yaxis2.ticktext": volumes.map((value) => number(value, 0, { notation: "compact", maximumFractionDigits: 1 })),
    "yaxis3.range": [-deltas, deltas], "yaxis3.tickformat": tickFormat(deltas),
  };
}

const tickFormat = (most) => (most < 1000 ? ",.2f" : ",.0f");

function volumeTicks(most) {
  const unit = 10 ** Math.floor(Math.log10(most));
  const top = [8, 6, 5, 4, 3, 2, 1].map((factor) => factor * unit).find((size) => size <= most);
  return [0, top / 2, top];
}

function dayTicks(from, to) {
  const room = Math.max(2, Math.floor((document.getElementById("chart").clientWidth - 80) / 74));
  const month = (index) => dayAt(index).slice(0, 7);
  const sessions = Array.from({ length: to - from + 1 }, (_, offset) => from + offset);
  const firsts = sessions.filter((index) => index > 0 && month(index) !== month(index - 1));
  const marks = firsts.length >= 3 ? firsts : sessions;
  const every = Math.ceil(marks.length / room);
  return marks.filter((_, position) => position % every === 0);
}

const dayAt = (index) => page.data.sessions[chart.series.days[index]];
const dayLabel = (span) => (index) => (span > 66
  ? date(dayAt(index), { day: undefined, month: "short", year: "2-digit" }).replace(" de ", " ").replace(".", "")
  : date(dayAt(index), { month: page.language === "pt" ? "2-digit" : "short", year: undefined }));

async function drawChart(series, range) {
  chart.series = series;
  const place = document.getElementById("chart");
  place.setAttribute("aria-label", texts().chart(series.ticker));
  if (!window.Plotly) showMessage(texts().loading);
  try {
    await openLibrary();
  } catch {
    showMessage(texts().failed);
    return;
  }
  if (chart.series !== series) return; // another was chosen meanwhile
  place.querySelector(".message")?.remove();
  const colours = palette();
  const drawn = layout(colours);
  chart.range = range;
  for (const [path, value] of Object.entries(view(range))) {
    const [axis, name] = path.split(".");
    drawn[axis][name] = value;
  }
  await window.Plotly.react(place, traces(series, colours), drawn, { displayModeBar: false, doubleClick: false, showTips: false, staticPlot: coarse() });
  listen(place);
  place.dataset.drawn = series.ticker;
}

function listen(place) {
  if (place.dataset.drawn) return;
  new ResizeObserver(() => window.Plotly.Plots.resize(place)).observe(place);
  place.on("plotly_doubleclick", () => chooseRange([0, chart.series.days.length - 1]));
  place.on("plotly_relayout", (change) => {
    const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (!missing(from)) chooseRange([Math.ceil(from), Math.floor(to)]);
  });
}

// The session under the pointer is found here, not by plotly.js: with a finger, that would keep the page from scrolling.
function pointAt(event) {
  if (!document.getElementById("chart").dataset.drawn) return;
  const box = document.getElementById("frame").getBoundingClientRect();
  const { l, r } = margins();
  const width = box.width - l - r;
  const [from, to] = chart.range;
  const offset = Math.floor(((event.clientX - box.left - l) / width) * (to - from + 1));
  const index = Math.min(to, Math.max(from, from + offset));
  const cursor = document.getElementById("cursor");
  cursor.hidden = false;
  cursor.style.left = `${l + ((index - from + 0.5) / (to - from + 1)) * width}px`;
  drawReadout(index);
}

function pointNowhere() {
  document.getElementById("cursor").hidden = true;
  drawReadout(chart.range[1]);
}

function moveChart(range) {
  chart.range = range;
  document.getElementById("cursor").hidden = true;
  const place = document.getElementById("chart");
  if (place.dataset.drawn) window.Plotly.relayout(place, view(range));
}

function showMessage(text) {
  const place = document.getElementById("chart");
  place.querySelector(".message")?.remove();
  place.append(element("p", { className: "message", text }));
}
