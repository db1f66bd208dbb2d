// The page's data and its chart library lie in it compressed: this unpacks them, and undoes what encode.py did.
async function unpack(id) {
  const text = atob(document.getElementById(id).textContent);
  const packed = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) packed[at] = text.charCodeAt(at);
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function decodeData(packed) {
  const CDI_SCALE = 1e6; // per cent
  const day = (ordinal) => new Date(ordinal * 864e5).toISOString().slice(0, 10);
  const first = packed.first ? Date.parse(packed.first) / 864e5 : 0;
  const ordinals = sums(packed.sessions);
  return {
    sessions: ordinals.map((ordinal) => day(first + ordinal - ordinals[0])),
    cdi: packed.cdi.map((rate) => (rate === null ? null : rate / CDI_SCALE)),
    tickers: packed.tickers.map(decodeTicker),
    state: packed.state,
  };
}

function decodeTicker(packed) {
  const scale = 10 ** packed.decimals;
  const close = sums(packed.close);
  let last = 0;
  const base = close.map((value) => { last = value ?? last; return last; });
  const price = (values) => values.map((value, at) => (value === null ? null : (value + base[at]) / scale));
  return {
    ...packed,
    days: sums(packed.days),
    close: close.map((value) => (value === null ? null : value / scale)),
    open: price(packed.open), high: price(packed.high), low: price(packed.low),
    turnover: packed.turnover.map((value) => (value === null ? null : value / 100)),
    adjust: steps(packed.adjust, close.length),
    split: steps(packed.split, close.length),
  };
}

// Each value from its difference to the last known one.
function sums(differences) {
  let last = 0;
  return differences.map((difference) => (difference === null ? null : (last += difference)));
}

// A value for every row, from the rows where it changes.
function steps(changes, length) {
  const values = [];
  changes.forEach(([at, value], position) => {
    const end = changes[position + 1]?.[0] ?? length;
    for (let row = at; row < end; row += 1) values.push(value);
  });
  return values;
}
