// The chart under every view but the months: plotly.js, the axis of sessions, and the pointer on it. The horizontal axis
// counts B3's sessions, so that closed days leave no holes, and years without a quote do.
let opening;
const chart = { series: null, range: [0, 0], drawing: null };

// Most readers look at the table first: the library is unpacked when a chart is asked for.
function openLibrary() {
  opening ??= (async () => {
    const script = document.createElement("script");
    script.nonce = document.querySelector("script[nonce]").nonce;
    script.textContent = await unpack("library");
    document.head.append(script);
    return window.Plotly;
  })();
  return opening;
}

function palette() {
  const probe = element("i", { hidden: "" });
  document.body.append(probe);
  const colour = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
  const names = ["ink", "quiet", "grid", "card", "up", "down", "average", "line-1", "line-2", "line-3", "line-4", "line-5", "line-6"];
  const colours = Object.fromEntries(names.map((name) => [name, colour(name)]));
  probe.remove();
  return colours;
}

const narrow = () => matchMedia("(max-width: 699px)").matches;
// To a finger the chart is still (`staticPlot`): up and down scrolls the page, sideways reads the sessions.
const coarse = () => matchMedia("(pointer: coarse)").matches;
const margins = () => ({ l: narrow() ? 10 : 18, r: narrow() ? 50 : 62, t: 6, b: 30 });

function sideAxis(colours, more) {
  return { side: "right", fixedrange: true, gridcolor: colours.grid, zeroline: false, tickfont: { color: colours.quiet, size: 11 }, ticklabelposition: "outside", ...more };
}

function panelLabel(colours, text, y) {
  return { text, x: 0, y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false, font: { color: colours.quiet, size: 11 } };
}

// What every view's layout begins with; `axis` is the name of the lowest vertical axis.
function baseLayout(colours, [from, to], axis) {
  const days = dayTicks(from, to);
  return {
    margin: margins(),
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: colours.ink, size: 12 },
    separators: page.language === "pt" ? ",." : ".,",
    hovermode: false, bargap: 0.3, showlegend: false,
    dragmode: "zoom",
    xaxis: {
      type: "linear", anchor: axis, rangeslider: { visible: false }, gridcolor: colours.grid, zeroline: false,
      tickfont: { color: colours.quiet, size: 11 }, tickangle: 0,
      range: [from - 0.5, to + 0.5], tickvals: days, ticktext: days.map(dayLabel(to - from)),
    },
  };
}

const tickFormat = (most) => (most < 1000 ? ",.2f" : ",.0f");
const dayAt = (position) => page.data.sessions[position];

function dayTicks(from, to) {
  const room = Math.max(2, Math.floor((document.getElementById("chart").clientWidth - 80) / 74));
  const sessions = Array.from({ length: to - from + 1 }, (_, offset) => from + offset);
  const firstsOf = (length) => sessions.filter((at) => at > 0 && dayAt(at).slice(0, length) !== dayAt(at - 1).slice(0, length));
  const marks = [firstsOf(4), firstsOf(7), sessions].find((found, level) => found.length >= (level === 0 ? 5 : 3)) ?? sessions;
  const every = Math.ceil(marks.length / room);
  return marks.filter((_, position) => position % every === 0);
}

const dayLabel = (span) => (at) => (span > 66
  ? date(dayAt(at), { day: undefined, month: "short", year: "2-digit" }).replace(" de ", " ").replace(".", "")
  : date(dayAt(at), { month: page.language === "pt" ? "2-digit" : "short", year: undefined }));

// A line through rows at `x`, with a hole where a stretch ends.
function broken(x, y, stretches) {
  const line = { x: [], y: [] };
  x.forEach((place, at) => {
    if (at > 0 && stretches[at] !== stretches[at - 1]) {
      line.x.push(place);
      line.y.push(null);
    }
    line.x.push(place);
    line.y.push(y[at]);
  });
  return line;
}

// The rows that a range of sessions holds: first and last, the last one smaller where there is none.
function rowsIn(series, [from, to]) {
  const count = (session) => series.days.reduce((rows, day) => rows + (day < session), 0);
  return [count(from), count(to + 1) - 1];
}

async function drawChart(series, range) {
  chart.series = series;
  chart.range = range;
  const place = document.getElementById("chart");
  place.setAttribute("aria-label", texts().chart[page.view](series.ticker));
  if (!window.Plotly) showMessage(texts().loading);
  try {
    await openLibrary();
  } catch {
    showMessage(texts().failed);
    return;
  }
  if (chart.series !== series) return; // another was chosen meanwhile
  place.querySelector(".message")?.remove();
  chart.drawing = figureOf(series, chart.range); // a range that was chosen while the library opened counts
  const { traces, layout } = chart.drawing;
  await window.Plotly.react(place, traces, layout, { displayModeBar: false, doubleClick: false, showTips: false, staticPlot: coarse() });
  listen(place);
  place.dataset.drawn = series.ticker;
  place.dataset.view = page.view;
  if (document.getElementById("cursor").hidden) drawReadout(chart.range[1]);
}

function figureOf(series, range) {
  const draw = { price: drawPrices, compare: drawComparison, drawdown: drawFalls }[page.view];
  return draw(series, range, palette());
}

function listen(place) {
  if (place.dataset.drawn) return;
  new ResizeObserver(() => window.Plotly.Plots.resize(place)).observe(place);
  place.on("plotly_doubleclick", () => chooseRange(wholeRange(chart.series)));
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
  const [from, to] = chart.range;
  pointTo(from + Math.floor(((event.clientX - box.left - l) / (box.width - l - r)) * (to - from + 1)));
}

function pointTo(position) {
  const box = document.getElementById("frame").getBoundingClientRect();
  const { l, r } = margins();
  const [from, to] = chart.range;
  const at = Math.min(to, Math.max(from, position));
  const cursor = document.getElementById("cursor");
  cursor.hidden = false;
  cursor.dataset.at = at;
  cursor.style.left = `${l + ((at - from + 0.5) / (to - from + 1)) * (box.width - l - r)}px`;
  drawReadout(at);
}

function pointNowhere() {
  document.getElementById("cursor").hidden = true;
  drawReadout(chart.range[1]);
}

// By keyboard: a session back or on, ten with Shift, and the ends of the range.
function pointByKey(event) {
  const cursor = document.getElementById("cursor");
  const [from, to] = chart.range;
  const at = cursor.hidden ? to : Number(cursor.dataset.at);
  const step = event.shiftKey ? 10 : 1;
  const wanted = { ArrowLeft: at - step, ArrowRight: at + step, Home: from, End: to }[event.key];
  if (wanted === undefined) return;
  event.preventDefault();
  pointTo(wanted);
}

let waiting = false;
function moveChart(range) {
  chart.range = range;
  document.getElementById("cursor").hidden = true;
  if (waiting || !document.getElementById("chart").dataset.drawn) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    redrawChart();
  });
}

function redrawChart() {
  if (isShown() && window.Plotly && page.view !== "months") drawChart(chosenSeries(), chart.range);
}

function showMessage(text) {
  const place = document.getElementById("chart");
  place.querySelector(".message")?.remove();
  place.append(element("p", { className: "message", text }));
}
