// The state of the lake: what it holds, what is missing in it, how old it is and where it comes from.
function drawState() {
  const { state, sessions, tickers } = page.data;
  const names = texts().states;
  const single = tickers.map((series) => series.gaps.filter((day) => !state.missing_sessions.includes(day)).length);
  const lone = single.reduce((sum, days) => sum + days, 0);
  const gaps = state.missing_sessions.length + lone;
  const facts = [
    [names.sessions, number(state.sessions), state.first ? texts().span(date(state.first), date(state.last)) : ""],
    [names.tickers, number(tickers.length), `${texts().rows(number(state.rows))}; ${texts().shown(number(sessions.length))}`],
    [names.gaps, gaps ? texts().gapsOf(number(gaps)) : texts().noGaps, gaps ? texts().gapParts(number(state.missing_sessions.length), number(lone)) : "", gaps > 0],
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

function drawGaps(state, tickers) {
  const whole = new Set(state.missing_sessions);
  const lists = [[texts().everyTicker, state.missing_sessions], ...tickers.map((series) => [series.ticker, series.gaps.filter((day) => !whole.has(day))])];
  const items = lists.filter(([, days]) => days.length).map(([name, days]) => element("li", {}, element("strong", { text: `${name}: ` }), days.map((day) => date(day)).join(", ")));
  const place = document.getElementById("gaps");
  place.replaceChildren();
  if (items.length) place.append(element("details", {}, element("summary", { text: texts().gapList }), element("ul", {}, ...items)));
  if (state.closed_days.length) place.append(element("p", { text: texts().closedDays(state.closed_days.map((day) => date(day)).join(", ")) }));
}
