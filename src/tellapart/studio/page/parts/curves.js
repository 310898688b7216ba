// Arithmetic on what a training has measured: no page, no words.

/** The 95 % interval [low, high] of `correct` of `n` (Wilson 1927), as the library has it. */
export function wilson(correct, n) {
  if (!n) return [0, 1];
  const z = 1.959963984540054;
  const share = correct / n;
  const whole = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / whole;
  const reach = (z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / whole;
  return [correct === 0 ? 0 : centre - reach, correct === n ? 1 : centre + reach];
}

/** How many pictures a curve of coverage is of: {scores, covered, right}, the surest first. */
export const total = (curve) => curve.covered[curve.covered.length - 1] || 0;

/** The pictures with this score or more: how many, and how many of them are right. */
export function above(curve, score) {
  let low = 0;
  let high = curve.scores.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve.scores[middle] >= score) low = middle + 1;
    else high = middle;
  }
  return low ? { covered: curve.covered[low - 1], right: curve.right[low - 1] } : { covered: 0, right: 0 };
}

/** The score that leaves out a share, 0 to 1, of the pictures, those it is least sure of: with as few digits as do. */
export function scoreAt(curve, strictness) {
  const wanted = Math.max(1, Math.round((1 - strictness) * total(curve)));
  const at = curve.covered.findIndex((covered) => covered >= wanted);
  if (at < 0 || at === curve.scores.length - 1) return 0;
  return between(curve.scores[at + 1], curve.scores[at]);
}

/** The share of the pictures that a score leaves out, 0 to 1. */
export const strictnessOf = (curve, score) => (total(curve) ? 1 - above(curve, score).covered / total(curve) : 0);

/** The number with the fewest digits above `low` and at most `high`. */
export function between(low, high) {
  for (let digits = 1; digits < 6; digits++) {
    const scale = 10 ** digits;
    const found = Math.floor(high * scale + 1e-9) / scale;
    if (low < found && found <= high) return found;
  }
  return high;
}

/** Round values from at most `low` to at least `high`, about so many steps apart. */
export function ticks(low, high, about = 4) {
  const span = Math.max(high - low, 1e-3);
  const power = 10 ** Math.floor(Math.log10(span / about));
  const step = [1, 2, 2.5, 5, 10].map((m) => power * m).find((one) => one * about >= span * 0.999);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  return Array.from({ length: last - first + 1 }, (_, k) => Number((step * (first + k)).toFixed(10)));
}

/** At most `most` of `count` places, evenly spread, the last one among them. */
export function evenly(count, most) {
  const n = Math.min(count, most);
  return [...new Set(Array.from({ length: n }, (_, k) => Math.round((k * (count - 1)) / Math.max(1, n - 1))))];
}
