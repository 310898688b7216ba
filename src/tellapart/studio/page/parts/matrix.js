// The arithmetic of a matrix whose empty cells are passed over.

/** Cells by their row, each row by its columns: Map of row -> Map of column -> cell. */
export function byRow(cells) {
  const rows = new Map();
  for (const cell of cells) {
    if (!rows.has(cell.label)) rows.set(cell.label, new Map());
    rows.get(cell.label).set(cell.predicted, cell);
  }
  return rows;
}

/** The cell that says most of a label: what it is taken for most, or else where it is right. */
export function tellingOf(cells, label) {
  const own = cells.filter((one) => one.label === label).sort((a, b) => b.n - a.n);
  return own.find((one) => one.predicted !== label) || own[0] || null;
}

const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** The cell that a key leads to from another, of those there are; the same where it leads to none. */
export function led(cells, from, key) {
  if (key === "Home" || key === "End") {
    const row = cells.filter((one) => one.label === from.label).sort((a, b) => a.predicted - b.predicted);
    return key === "Home" ? row[0] : row[row.length - 1];
  }
  const step = steps[key];
  if (!step) return from;
  const [down, right] = step;
  let best = from;
  let least = Infinity;
  for (const one of cells) {
    const ahead = (one.label - from.label) * down + (one.predicted - from.predicted) * right;
    const aside = Math.abs(down ? one.predicted - from.predicted : one.label - from.label);
    if (ahead > 0 && ahead + 100 * aside < least) {
      least = ahead + 100 * aside;
      best = one;
    }
  }
  return best;
}
