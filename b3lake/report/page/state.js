// The state of the lake: what it holds, what is missing in it, how old it is and where it comes from.
function drawState() {
  const { state, tickers } = page.data;
  const names = texts().states;
  const count = (runs) => runs.reduce((sum, [, , days]) => sum + days, 0);
  const whole = count(state.missing);
  const lone = tickers.reduce((sum, series) => sum + count(series.gaps), 0);
  const gaps = whole + lone;
  const partial = tickers.length < state.lake_tickers || state.shown_sessions < state.sessions;
  const facts = [
    [names.sessions, number(state.sessions), state.first ? texts().span(date(state.first), date(state.last)) : ""],
    [names.shown, texts().shownTickers(number(tickers.length), number(state.lake_tickers)), `${texts().shownRows(number(rowsShown(tickers)), number(state.lake_rows))}${partial ? `; ${texts().shownHow}` : ""}`],
    [names.gaps, gaps ? texts().gapsOf(number(gaps)) : texts().noGaps, gaps ? texts().gapParts(number(whole), number(lone)) : "", gaps > 0],
    [names.freshness, freshness(state), state.last ? texts().freshText : "", state.behind > 0],
    [names.ingested, moment(state.ingested_at), ""],
    [names.refined, moment(state.refined_at), ""],
    [names.source, state.sources.map((source) => source.name).join(", ") || DASH, sourceNote(state.sources), state.synthetic],
  ];
  document.getElementById("state").replaceChildren(...facts.map(([name, value, note, bad]) => {
    const answer = element("dd", { text: value, className: bad ? "bad" : "" });
    if (note) answer.append(element("small", { text: note }));
    return element("div", {}, element("dt", { text: name }), answer);
  }));
  drawGaps(state, tickers);
  const list = document.getElementById("footer");
  list.textContent = texts().built(moment(state.built_at));
}

const freshness = (state) => (!state.last ? DASH : state.behind ? texts().behind(state.behind) : texts().fresh);

function sourceNote(sources) {
  return sources.map(({ bars, real }) => `${texts().bars(number(bars))}, ${real ? texts().real : texts().synthetic}`).join("; ");
}

const rowsShown = (tickers) => tickers.reduce((sum, series) => sum + series.days.length, 0);

// Runs of missing sessions, the longest first; of a ticker that is seldom traded there are thousands.
const MOST_RUNS = 12;

function drawGaps(state, tickers) {
  const lists = [[texts().everyTicker, state.missing], ...tickers.map((series) => [series.ticker, series.gaps])];
  const items = lists.filter(([, runs]) => runs.length).map(([name, runs]) => {
    const longest = [...runs].sort((a, b) => b[2] - a[2]).slice(0, MOST_RUNS).sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const more = runs.length > MOST_RUNS ? ` ${texts().moreGaps(number(runs.length - MOST_RUNS))}` : "";
    return element("li", {}, element("strong", { text: `${name}: ` }), longest.map(runText).join(", ") + more);
  });
  const place = document.getElementById("gaps");
  place.replaceChildren();
  if (items.length) place.append(element("details", {}, element("summary", { text: texts().gapList }), element("ul", {}, ...items)));
  if (state.closed_days.length) place.append(element("p", { text: texts().closedDays(state.closed_days.map((day) => date(day)).join(", ")) }));
}

const runText = ([first, last, days]) => (days === 1 ? date(first) : `${texts().span(date(first), date(last))} (${texts().sessionsOf(number(days))})`);
