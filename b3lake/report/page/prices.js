// A ticker's prices as they are looked at: adjusted for every later dividend and split, or as traded; each made once.
const made = new WeakMap();

function pricesOf(series, adjusted = true) {
  if (!made.has(series)) made.set(series, new Map());
  const kept = made.get(series);
  if (!kept.has(adjusted)) kept.set(adjusted, makePrices(series, adjusted));
  return kept.get(adjusted);
}

// Columns by row. `value` is BRL traded; where the lake has none, typical price times shares (`estimated`).
function makePrices(series, adjusted) {
  const moved = (values) => (adjusted ? values.map((value, row) => (value === null ? null : value * series.adjust[row])) : values);
  const volume = series.volume.map((shares, row) => (shares === null || !adjusted ? shares : Math.round(shares / series.split[row])));
  const estimate = (row) => {
    const [high, low, close, shares] = [series.high[row], series.low[row], series.close[row], series.volume[row]];
    return [high, low, close, shares].includes(null) ? null : (shares * (high + low + close)) / 3;
  };
  return {
    dates: series.days.map((day) => page.data.sessions[day]),
    stretches: stretchesOf(series.days),
    open: moved(series.open), high: moved(series.high), low: moved(series.low), close: moved(series.close),
    volume,
    value: series.turnover.map((value, row) => value ?? estimate(row)),
    estimated: series.turnover.includes(null),
  };
}
