// The state of the page, and what changes it: the address's fragment, the switches, the fields.
const page = {
  data: null,
  language: document.documentElement.lang,
  filter: "",
  kind: "",
  sort: { column: "ticker", order: 1 },
  chosen: null,
  summaries: [],
  range: null, // chosen by the reader: a span's name, or a range of sessions
  view: "price",
  adjusted: true,
  log: false,
  marks: true,
  below: "change",
  averages: [20, 200],
  compared: ["IBOV", "CDI"],
};

// A page opened from a file may be refused storage: what it would remember is then asked for again.
function remember(key, value) {
  try { localStorage.setItem(`b3-lake-${key}`, value); } catch { /* nothing is kept */ }
}
function recall(key) {
  try { return localStorage.getItem(`b3-lake-${key}`); } catch { return null; }
}

function drawAll() {
  const { state } = page.data;
  document.documentElement.lang = page.language === "pt" ? "pt-BR" : "en";
  document.title = texts().title;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = texts()[node.dataset.text];
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", texts()[node.dataset.label]);
  for (const node of document.querySelectorAll("[data-title]")) node.title = texts()[node.dataset.title];
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = texts()[node.dataset.placeholder];
  for (const node of document.querySelectorAll("[data-language]")) node.setAttribute("aria-pressed", String(node.dataset.language === page.language));
  document.getElementById("subtitle").textContent = state.first ? texts().subtitle(date(state.first), date(state.last), freshness(state)) : "";
  document.getElementById("part").hidden = page.data.tickers.length >= state.lake_tickers;
  document.getElementById("part").textContent = texts().part(number(page.data.tickers.length), number(state.lake_tickers));
  document.getElementById("synthetic").hidden = !state.synthetic;
  const empty = page.summaries.length === 0;
  document.getElementById("empty").hidden = !empty;
  document.getElementById("content").hidden = empty;
  drawState();
  if (empty) return;
  drawOverview();
  if (isShown()) drawDetail();
}

const isShown = () => page.chosen !== null && document.getElementById("detail").offsetParent !== null;

// The fragment names the ticker, so that Back, a bookmark and a shared link work. Without one, a wide page shows the
// first ticker beside the table, and a narrow one the table alone.
function followAddress() {
  let wanted = "";
  try { wanted = decodeURIComponent(location.hash.slice(1)); } catch { /* not a name */ }
  const found = page.summaries.some((summary) => summary.ticker === wanted);
  const changed = document.body.dataset.view;
  document.body.dataset.view = found ? "detail" : "list";
  const alone = getComputedStyle(document.getElementById("back")).display !== "none"; // one panel at a time
  page.chosen = found ? wanted : alone ? null : page.chosen ?? page.summaries[0]?.ticker ?? null;
  markChosen();
  if (isShown()) drawDetail();
  if (found && alone && changed === "list") scrollTo(0, 0);
}

function start() {
  page.language = recall("language") ?? page.language;
  const theme = recall("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      page.language = button.dataset.language;
      remember("language", page.language);
      drawAll();
    });
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.getElementById("theme").addEventListener("click", () => {
    const current = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = current === "dark" ? "light" : "dark";
    remember("theme", document.documentElement.dataset.theme);
    redrawChart();
  });
  dark.addEventListener("change", redrawChart);
  for (const query of ["(max-width: 1279px)", "(max-width: 699px)"]) matchMedia(query).addEventListener("change", followAddress);
  document.getElementById("filter").addEventListener("input", (event) => { page.filter = event.target.value; drawOverview(); });
  document.getElementById("sorter").addEventListener("change", (event) => sortBy(...SORTS[event.target.value]));
  document.getElementById("kind").addEventListener("change", (event) => { page.kind = event.target.value; drawOverview(); });
  document.getElementById("adder").addEventListener("change", (event) => addCompared(event.target.value));
  document.getElementById("save-table").addEventListener("click", saveTable);
  document.getElementById("save-picture").addEventListener("click", savePicture);
  for (const id of ["from", "to"]) {
    document.getElementById(id).addEventListener("input", slide);
    document.getElementById(`${id}-day`).addEventListener("change", chooseDay);
  }
  const frame = document.getElementById("frame");
  for (const name of ["pointermove", "pointerdown"]) frame.addEventListener(name, pointAt);
  frame.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") pointNowhere(); });
  frame.addEventListener("keydown", pointByKey);
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    event.preventDefault();
    document.getElementById("filter").focus();
  });
  addEventListener("hashchange", followAddress);
  drawAll();
  followAddress();
}

try {
  page.data = decodeData(JSON.parse(await unpack("data")));
} catch {
  document.getElementById("old").hidden = false;
}
if (page.data) {
  page.summaries = page.data.tickers.map(summarise);
  start();
}
document.body.dataset.opened = String(performance.now());
