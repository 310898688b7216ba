// Which pictures of a heap come next, and which label a key means. Pure: no page, no server.

export const PAGE = 24; // pictures on a page of one suggestion: few enough to be seen at a glance
const LIKELY = 0.5; // the least score of what comes on a page
const FEWEST = 3; // pictures that make a page
export const AHEAD = 9; // pictures that stand in line, the one in front among them
const COMMANDS = new Set(["x", "z", "?"]);

/** Labels in their places of before, so that no number means another one; new ones come last. */
export const inPlaces = (before, labels) => [
  ...before.filter((one) => labels.includes(one)),
  ...labels.filter((one) => !before.includes(one)),
];

const first = (label) => [...label.toLowerCase()][0];

/** The label that a key means: by its number, or by a first letter that no other label has. */
export function labelOf(key, labels) {
  if (/^[1-9]$/.test(key)) return labels[key - 1];
  const found = COMMANDS.has(key) ? [] : labels.filter((one) => first(one) === key);
  return found.length === 1 ? found[0] : undefined;
}

/** All letters that say or begin the name of a label. */
export const letters = (labels) =>
  [...new Set([..."abcdefghijklmnopqrstuvwy", ...labels.map(first)])].filter((one) => !COMMANDS.has(one));

/** The labels that a text may become; what is written out comes first. */
export function completions(text, labels) {
  const wanted = text.trim().toLowerCase();
  const found = labels.filter((one) => one.toLowerCase().startsWith(wanted));
  return found.sort((one, other) => (other.toLowerCase() === wanted) - (one.toLowerCase() === wanted));
}

/**
 * What of {name, label, score, how} a text finds: each word of it a part of the name or label, one of
 * `words` {sure, unsure, none}, or a bound of the score, such as >80 or <60.
 */
export function filtered(items, text, words) {
  const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const bound = /^([<>])(\d+)%?$/.exec(word);
    if (bound) return (one) => (bound[1] === "<" ? one.score * 100 < bound[2] : one.score * 100 > bound[2]);
    const how = Object.keys(words).find((key) => words[key].toLowerCase() === word);
    if (how) return (one) => one.how === how;
    return (one) => one.name.toLowerCase().includes(word) || (one.label || "").toLowerCase().includes(word);
  });
  return items.filter((one) => tests.every((test) => test(one)));
}

/**
 * The next page {label, ids}: of the label with the most likely pictures, the likeliest of them, the
 * least sure of these first. Null where no label has enough.
 */
export function nextPage(items) {
  const by = new Map();
  for (const one of items) {
    if (one.how === "none" || one.score < LIKELY) continue;
    by.set(one.label, [...(by.get(one.label) || []), one]);
  }
  let best = null;
  for (const [label, of] of by) {
    if (of.length >= FEWEST && (!best || Math.min(of.length, PAGE) > Math.min(best.of.length, PAGE))) best = { label, of };
  }
  if (!best) return null;
  const likeliest = best.of.sort((one, other) => other.score - one.score).slice(0, PAGE);
  return { label: best.label, ids: likeliest.map((one) => one.id).reverse() };
}

/**
 * What is in front, {ids, at}, without the pictures that are not there any more; the picture where one
 * was stays the one, and where it is gone, the next takes its place.
 */
export function left(front, isThere) {
  const ids = front.ids.filter(isThere);
  const before = front.ids.slice(0, Math.max(front.at, 0)).filter(isThere).length;
  return { ...front, ids, at: Math.min(front.at < 0 ? -1 : before, ids.length - 1) };
}

/** A line of pictures: those of before that are still there keep their places, others come behind. */
export function inLine(before, ids) {
  const there = new Set(ids);
  const kept = before.filter((one) => there.has(one));
  return [...kept, ...ids.filter((one) => !kept.includes(one))].slice(0, AHEAD);
}

/** Where an arrow leads in a grid of so many columns. */
export function moved(at, key, count, columns) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const to = at < 0 ? 0 : at + step;
  return to < 0 || to >= count ? at : to;
}

/** What is sent: pictures by the label that each gets; a mark is {label}, {aside} or {later}. */
export function decided(ids, label, marks) {
  const labelled = new Map();
  const aside = [];
  for (const id of ids) {
    const mark = marks.get(id) || { label };
    if (mark.aside) aside.push(id);
    else if (mark.label) labelled.set(mark.label, [...(labelled.get(mark.label) || []), id]);
  }
  return { labelled: [...labelled].map(([name, of]) => ({ label: name, ids: of })), aside };
}
