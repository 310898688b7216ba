// Where each of many pictures stands in sections of rows, by arithmetic alone: nothing is measured.
// A picture is its number in the order of the open sections; lengths are CSS pixels, from the top
// left of what scrolls.

/** The sizes of everything. `sections` are {key, count, folded}; a folded one shows its heading. */
export function layOut({ width, tile, gap, heading, empty, sections }) {
  const columns = Math.max(1, Math.floor((width + gap) / (tile + gap)));
  const side = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  const pitch = side + gap;
  const placed = [];
  let top = 0;
  let first = 0;
  for (const { key, count, folded } of sections) {
    const shown = folded ? 0 : count;
    const rows = Math.ceil(shown / columns);
    const inside = folded ? 0 : rows ? rows * pitch : empty;
    placed.push({ key, top, body: top + heading, inside, rows, first, shown });
    top += heading + inside;
    first += shown;
  }
  return { columns, side, pitch, gap, heading, sections: placed, height: top, count: first };
}

/** The last of `sections` for which `is` holds; it holds up to one of them, and for none after. */
function last(sections, is) {
  let low = 0;
  let high = sections.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (is(sections[middle])) low = middle;
    else high = middle - 1;
  }
  return low;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** How many pictures stand wholly above `y`. */
function above(layout, y) {
  const section = layout.sections[last(layout.sections, (each) => each.body <= y)];
  if (!section) return 0;
  const rows = Math.floor((y - section.body + layout.gap) / layout.pitch);
  return section.first + clamp(rows * layout.columns, 0, section.shown);
}

/** How many begin above `y`. */
function begun(layout, y) {
  const section = layout.sections[last(layout.sections, (each) => each.body < y)];
  if (!section) return 0;
  const rows = Math.ceil((y - section.body) / layout.pitch);
  return section.first + clamp(rows * layout.columns, 0, section.shown);
}

/** The pictures between two heights, and `more` rows on both sides: from `first` to before `end`. */
export function windowOf(layout, top, bottom, more = 0) {
  const margin = more * layout.pitch;
  const first = above(layout, top - margin);
  return { first, end: Math.max(first, begun(layout, bottom + margin)) };
}

/** Where a picture stands: its section, row and column; `x`, and `y` below the section's heading. */
export function placeOf(layout, number) {
  const { sections, columns, pitch } = layout;
  let at = last(sections, (each) => each.first <= number);
  while (at > 0 && !sections[at].shown) at -= 1;
  const within = number - sections[at].first;
  const row = Math.floor(within / columns);
  const column = within % columns;
  return { section: at, row, column, x: column * pitch, y: row * pitch };
}

/** The pictures that a rectangle touches. */
export function touched(layout, { left, top, right, bottom }) {
  const { columns, pitch, side } = layout;
  const from = Math.max(0, Math.floor((left + layout.gap) / pitch));
  const to = Math.min(columns - 1, Math.floor(right / pitch));
  const { first, end } = windowOf(layout, top, bottom);
  const found = [];
  for (let number = first; number < end; number += 1) {
    const { section, column, x, y } = placeOf(layout, number);
    const upper = layout.sections[section].body + y;
    const across = column >= from && column <= to && x + side > left && x <= right;
    if (across && upper + side > top && upper <= bottom) found.push(number);
  }
  return found;
}

/** Where a key leads from a picture; `page` is the height that is seen. */
export function step(layout, number, key, page) {
  if (!layout.count) return -1;
  if (number < 0) return key === "End" ? layout.count - 1 : 0;
  const to = {
    ArrowLeft: number - 1,
    ArrowRight: number + 1,
    Home: 0,
    End: layout.count - 1,
  }[key];
  if (to !== undefined) return clamp(to, 0, layout.count - 1);
  const rows = key.startsWith("Page") ? Math.max(1, Math.floor(page / layout.pitch) - 1) : 1;
  const by = key === "ArrowUp" || key === "PageUp" ? -1 : 1;
  let at = number;
  for (let count = 0; count < rows; count += 1) at = nextRow(layout, at, by);
  return at;
}

/** The picture in the row below or above (`by` is 1 or -1), in the same column if there is one. */
function nextRow(layout, number, by) {
  const { sections, columns } = layout;
  const { section, row, column } = placeOf(layout, number);
  if (row + by >= 0 && row + by < sections[section].rows)
    return inRow(sections[section], row + by, column, columns);
  let at = section + by;
  while (at >= 0 && at < sections.length && !sections[at].shown) at += by;
  if (at < 0 || at >= sections.length) return number;
  return inRow(sections[at], by > 0 ? 0 : sections[at].rows - 1, column, columns);
}

function inRow(section, row, column, columns) {
  return section.first + Math.min(row * columns + column, section.shown - 1);
}

/** How far to scroll so that a picture is wholly seen below the heading; `top` if it is already. */
export function revealing(layout, number, top, page) {
  const { section, y } = placeOf(layout, number);
  const upper = layout.sections[section].body + y;
  if (upper - layout.heading < top) return upper - layout.heading;
  if (upper + layout.pitch > top + page) return upper + layout.pitch - page;
  return top;
}
