// Numbers and dates as the chosen language writes them; what is missing is a dash.
const LOCALES = { pt: "pt-BR", en: "en-US" };
const DASH = "–";

const formats = new Map();
function formatter(kind, options) {
  const key = page.language + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new kind(LOCALES[page.language], options));
  return formats.get(key);
}

const texts = () => TEXTS[page.language];
const missing = (value) => value === null || value === undefined;

function number(value, decimals = 0, options = {}) {
  if (missing(value)) return DASH;
  return formatter(Intl.NumberFormat, { minimumFractionDigits: decimals, maximumFractionDigits: decimals, ...options }).format(value).replace("-", "\u2212");
}

const signed = (value, decimals = 2) => number(value, decimals, { signDisplay: "exceptZero" });
const percent = (value) => (missing(value) ? DASH : `${signed(100 * value)}%`);
const share = (value) => (missing(value) ? DASH : `${number(100 * value, 1)}%`);
const shares = (value) => number(value, 1, { notation: "compact" });
const reais = (value) => (missing(value) ? DASH : `R$ ${number(value, 1, { notation: "compact" })}`);

function price(ticker, value) {
  if (missing(value)) return DASH;
  return isIndex(ticker) ? `${number(value, 2)} ${texts().points}` : `R$ ${number(value, 2)}`;
}

function date(iso, options = {}) {
  if (missing(iso)) return DASH;
  const month = page.language === "pt" ? "2-digit" : "short";
  return formatter(Intl.DateTimeFormat, { timeZone: "UTC", day: "2-digit", month, year: "numeric", ...options }).format(new Date(`${iso}T00:00:00Z`));
}

function moment(iso) {
  if (missing(iso)) return texts().unknown;
  const month = page.language === "pt" ? "2-digit" : "short";
  const options = { day: "2-digit", month, year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false };
  return formatter(Intl.DateTimeFormat, options).format(new Date(iso));
}

const direction = (value) => (missing(value) || value === 0 ? "flat" : value > 0 ? "up" : "down");
const ARROWS = { up: "▲ ", down: "▼ ", flat: "" };

function element(name, { text, className, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
