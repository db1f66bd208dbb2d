// Ranges of sessions: positions of the first and the last one, and the buttons that choose one.
const SPANS = ["month", "quarter", "half", "ytd", "year", "two", "five", "ten", "all"];
const MONTHS = { month: 1, quarter: 3, half: 6, year: 12, two: 24, five: 60, ten: 120 };
const defaultSpan = () => (narrow() ? "quarter" : "half");

const wholeRange = (series) => [series.days[0], series.days.at(-1)];

// From the last session up to the day from which the span counts: that day's close is what its return begins with.
function spanRange(series, name) {
  const [first, last] = wholeRange(series);
  if (name === "all") return [first, last];
  const end = page.data.sessions[last];
  const since = name === "ytd" ? `${Number(end.slice(0, 4)) - 1}-12-31` : monthsBefore(end, MONTHS[name]);
  return [Math.max(first, sessionUpTo(since)), last];
}

function monthsBefore(iso, months) {
  const [year, month, day] = iso.split("-").map(Number);
  const lastOfMonth = new Date(Date.UTC(year, month - months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 - months, Math.min(day, lastOfMonth))).toISOString().slice(0, 10);
}

// The position of the last session up to a day; 0 where there is none.
const sessionUpTo = (iso) => Math.max(0, page.data.sessions.findLastIndex((session) => session <= iso));

function chooseRange([from, to]) {
  const series = chosenSeries();
  const [first, last] = wholeRange(series);
  const start = Math.min(Math.max(first, from), last);
  const range = [start, Math.max(start, Math.min(last, to))];
  page.range = { span: SPANS.find((name) => String(spanRange(series, name)) === String(range)) ?? null, range };
  chart.range = range; // the readout counts from its first session
  drawRange(series, range);
  moveChart(range);
}

// A span chosen for one ticker holds for the next; other ranges hold where the ticker has rows in them.
function rangeOf(series) {
  const [first, last] = wholeRange(series);
  if (!page.range) return spanRange(series, defaultSpan());
  if (page.range.span) return spanRange(series, page.range.span);
  const [from, to] = page.range.range;
  return from < last && to > first ? [Math.max(first, from), Math.min(last, to)] : [first, last];
}

function drawRange(series, [from, to]) {
  const [first, last] = wholeRange(series);
  const useful = SPANS.filter((name) => name === "all" || spanRange(series, name)[0] > first);
  const buttons = useful.map((name) => {
    const span = spanRange(series, name);
    const button = element("button", { type: "button", text: texts().spans[name], title: texts().spanTitles[name] });
    button.dataset.span = name;
    button.setAttribute("aria-pressed", String(span[0] === from && span[1] === to));
    button.addEventListener("click", () => {
      chooseRange(span);
      document.querySelector(`#spans [data-span="${name}"]`).focus();
    });
    return button;
  });
  document.getElementById("spans").replaceChildren(...buttons);
  for (const [id, position] of [["from", from], ["to", to]]) {
    const slide = document.getElementById(id);
    [slide.min, slide.max, slide.value, slide.disabled] = [first, last, position, first === last];
    slide.setAttribute("aria-valuetext", date(dayAt(position)));
    const field = document.getElementById(`${id}-day`);
    [field.min, field.max, field.value] = [dayAt(first), dayAt(last), dayAt(position)];
  }
  const share = (sessions) => `${(100 * sessions) / Math.max(1, last - first)}%`;
  Object.assign(document.getElementById("stretch").style, { left: share(from - first), width: share(to - from) });
  const [top, bottom] = rowsIn(series, [from, to]);
  const rows = Math.max(0, bottom - top + 1);
  const weeks = page.view === "price" && rows > MOST_CANDLES ? texts().inWeeks : "";
  document.getElementById("seen").textContent = texts().seen(number(rows), weeks);
  drawReadout(to);
}

function slide(event) {
  const [from, to] = ["from", "to"].map((id) => Number(document.getElementById(id).value));
  chooseRange(event.target.id === "from" ? [Math.min(from, to), to] : [from, Math.max(from, to)]);
}

// A day chosen by hand: the first session from it on, or the last one up to it.
function chooseDay(event) {
  const { id, value } = event.target;
  if (!value) return;
  const [from, to] = chart.range;
  const on = page.data.sessions.findIndex((session) => session >= value);
  chooseRange(id === "from-day" ? [Math.min(on < 0 ? to : on, to), to] : [from, Math.max(from, sessionUpTo(value))]);
}
