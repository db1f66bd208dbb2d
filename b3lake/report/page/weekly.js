// Weeks of daily rows, Monday to Friday.
function mondayOf(date) {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}

// One candle a week of the rows `from` to `to`. `row` is the week's last row; sums and ends leave out what is missing.
function weeklyCandles(dates, prices, from, to) {
  const weeks = { row: [], open: [], high: [], low: [], close: [], volume: [], value: [] };
  let monday = null;
  for (let row = from; row <= to; row += 1) {
    const its = mondayOf(dates[row]);
    if (its !== monday) {
      monday = its;
      for (const name of Object.keys(weeks)) weeks[name].push(null);
    }
    const at = weeks.row.length - 1;
    const put = (name, join) => {
      const value = prices[name][row];
      if (value !== null) weeks[name][at] = weeks[name][at] === null ? value : join(weeks[name][at], value);
    };
    weeks.row[at] = row;
    put("open", (first) => first);
    put("high", Math.max);
    put("low", Math.min);
    put("close", (_, last) => last);
    put("volume", (sum, more) => sum + more);
    put("value", (sum, more) => sum + more);
  }
  return weeks;
}
