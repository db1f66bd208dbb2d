// How far each row is below the highest close before it, from the row `from` on.
function drawdownOf(closes, from, to) {
  let peak = 0;
  return closes.slice(from, to + 1).map((close) => {
    if (!(close > 0)) return null;
    peak = Math.max(peak, close);
    return close / peak - 1;
  });
}

// The deepest of them: its row and that of the peak before it, counted from `from`; null without any fall.
function deepestFall(drawdowns) {
  let bottom = -1;
  drawdowns.forEach((fall, row) => { if (fall !== null && fall < (drawdowns[bottom] ?? 0)) bottom = row; });
  if (bottom < 0) return null;
  return { peak: drawdowns.lastIndexOf(0, bottom), bottom, fall: drawdowns[bottom] };
}
