// Averages and spread over the last rows of a series, and its range over a year. Nothing reaches over a long pause.
const SESSIONS_PER_YEAR = 252;

// The window's values at each row, null where fewer rows or a missing value are in it.
function overWindow(values, stretches, size, calculate) {
  return values.map((_, row) => {
    const first = row - size + 1;
    if (first < 0 || stretches[first] !== stretches[row]) return null;
    const window = values.slice(first, row + 1);
    return window.includes(null) ? null : calculate(window);
  });
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function movingAverage(values, stretches, size) {
  return overWindow(values, stretches, size, mean);
}

function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

// Standard deviation of the daily log returns of `size` sessions, a year.
function volatility(returns, stretches, size) {
  const logs = returns.map((value) => (value === null ? null : Math.log1p(value)));
  return overWindow(logs, stretches, size, (window) => deviation(window) * Math.sqrt(SESSIONS_PER_YEAR));
}

// The same over the last 252 returns that are known, or as many as there are.
function yearVolatility(returns) {
  const logs = returns.slice(-SESSIONS_PER_YEAR).filter((value) => value !== null).map(Math.log1p);
  return logs.length > 1 ? deviation(logs) * Math.sqrt(SESSIONS_PER_YEAR) : null;
}

// Lowest and highest price of the year that ends with the last row.
function yearRange(dates, lows, highs) {
  const last = dates.at(-1);
  const since = `${Number(last.slice(0, 4)) - 1}${last.slice(4)}`;
  const seen = (values) => values.filter((value, row) => value !== null && dates[row] > since);
  const [low, high] = [seen(lows), seen(highs)];
  return low.length && high.length ? { low: Math.min(...low), high: Math.max(...high) } : null;
}
