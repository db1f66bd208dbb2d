// Returns of a series of closes. Rows are numbers of an array; what cannot be said is null.

// More sessions than this without a row part a series: nothing is joined across, and no return is said.
const LONGEST_PAUSE = 10;

// The number of each row's stretch, from its position among the sessions.
function stretchesOf(days) {
  let stretch = 0;
  return days.map((day, row) => (row > 0 && day - days[row - 1] > LONGEST_PAUSE ? (stretch += 1) : stretch));
}

function dailyReturns(closes, stretches) {
  return closes.map((close, row) => {
    const before = row > 0 && stretches[row] === stretches[row - 1] ? closes[row - 1] : null;
    return close > 0 && before > 0 ? close / before - 1 : null;
  });
}

// A row a year: `months` are the twelve returns, `total` the year's. A month is said when the one before it has a close.
function monthlyReturns(dates, closes, stretches) {
  const last = new Map(); // month ("2024-05") to its last row with a close
  dates.forEach((date, row) => { if (closes[row] > 0) last.set(date.slice(0, 7), row); });
  const between = (from, to) => (from !== undefined && to !== undefined && stretches[from] === stretches[to] ? closes[to] / closes[from] - 1 : null);
  const name = (year, month) => `${year}-${String(month).padStart(2, "0")}`;
  const years = [...new Set([...last.keys()].map((month) => Number(month.slice(0, 4))))];
  return years.sort((a, b) => b - a).map((year) => {
    const months = Array.from({ length: 12 }, (_, at) => {
      const before = at === 0 ? name(year - 1, 12) : name(year, at);
      return between(last.get(before), last.get(name(year, at + 1)));
    });
    const newest = Math.max(...Array.from({ length: 12 }, (_, at) => last.get(name(year, at + 1)) ?? -1));
    return { year, months, total: between(last.get(name(year - 1, 12)), newest) };
  });
}

// Return of each row from `from` to `to` since the first of them that has a close.
function relativeTo(closes, from, to) {
  const seen = closes.slice(from, to + 1);
  const base = seen.find((close) => close > 0);
  return seen.map((close) => (close > 0 && base > 0 ? close / base - 1 : null));
}

// What CDI paid from the session `from` to each one up to `to`: the rate of a day is paid from that day to the next.
// Where a rate is not known nothing more can be said.
function cdiSince(rates, from, to) {
  let level = 1;
  const paid = [];
  for (let session = from; session <= to; session += 1) {
    paid.push(level === null ? null : level - 1);
    const rate = rates[session];
    level = level === null || rate === null ? null : level * (1 + rate / 100);
  }
  return paid;
}
