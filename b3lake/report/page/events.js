// Dividends and splits in words and in letters.
function eventLetter({ ratio, told }) {
  const { letters } = texts();
  if (ratio) return ratio > 1 ? letters.split : letters.grouping;
  return told.length > 0 && told.every(([kind]) => kind === "jcp") ? letters.jcp : letters.dividend;
}

// One event as the readout says it; what B3 told is said in its place, with the day of payment.
function eventText({ cash, ratio, told }) {
  const names = texts().events;
  if (told.length) {
    return told.map(([kind, value, paid]) => {
      const isRatio = ["split", "grouping", "bonus"].includes(kind);
      const amount = missing(value) ? "" : isRatio ? ratioText(value) : `R$ ${number(value, 4)}`;
      return `${names[kind] ?? kind} ${amount}${paid ? ` (${texts().paidOn(date(paid))})` : ""}`;
    }).join("; ");
  }
  const parts = [];
  if (cash) parts.push(`${names.cash} R$ ${number(cash, 4)}`);
  if (ratio) parts.push(`${ratio > 1 ? names.split : names.grouping} ${ratioText(ratio)}`);
  return parts.join("; ");
}

// Shares before to shares after: a split of 2 is 1:2, a grouping of ten is 10:1.
function ratioText(ratio) {
  const plainNumber = (value) => number(value, 0, { maximumFractionDigits: 4 });
  return ratio >= 1 ? `1:${plainNumber(ratio)}` : `${plainNumber(1 / ratio)}:1`;
}
