// Which pictures are selected, as values: each function gives a new selection and changes none.
// `chosen` is a set of ids, `anchor` where a range begins, `active` the one with the keyboard's
// mark. An order is {ids, at}: the ids as they are shown, and the number of each.

export const NOTHING = { chosen: new Set(), anchor: null, active: null };

/** An order, from the ids as they are shown. */
export function orderOf(ids) {
  return { ids, at: new Map(ids.map((id, number) => [id, number])) };
}

function between(order, from, to) {
  const [low, high] = from < to ? [from, to] : [to, from];
  return order.ids.slice(low, high + 1);
}

/** A click on a picture: alone, with Control (adds or takes out), with Shift (all in between). */
export function clicked(selection, order, id, { add = false, range = false } = {}) {
  const anchor = order.at.get(selection.anchor);
  if (range && anchor !== undefined) {
    const some = between(order, anchor, order.at.get(id));
    const chosen = new Set(add ? [...selection.chosen, ...some] : some);
    return { chosen, anchor: selection.anchor, active: id };
  }
  if (!add) return { chosen: new Set([id]), anchor: id, active: id };
  const chosen = new Set(selection.chosen);
  if (!chosen.delete(id)) chosen.add(id);
  return { chosen, anchor: id, active: id };
}

/** The mark moves to a picture by a key: it alone is selected, with Shift all up to it, and with
 * Control the selection stays as it is. */
export function moved(selection, order, id, { add = false, range = false } = {}) {
  if (add && !range) return { ...selection, active: id };
  if (range && !order.at.has(selection.anchor)) {
    const anchor = order.at.has(selection.active) ? selection.active : id;
    return clicked({ ...selection, anchor }, order, id, { range });
  }
  return clicked(selection, order, id, { range });
}

/** A rectangle is drawn over pictures: they, or they besides what was selected `before`. */
export function swept(before, ids, { add = false } = {}) {
  const chosen = new Set(add ? [...before.chosen, ...ids] : ids);
  const end = ids.length ? ids[ids.length - 1] : before.active;
  return { chosen, anchor: ids.length ? ids[0] : before.anchor, active: end };
}

export function everything(selection, order) {
  return { ...selection, chosen: new Set(order.ids) };
}

/** Nothing is selected; the mark stays. */
export function released(selection) {
  return { ...selection, chosen: new Set(), anchor: null };
}

/** What is left of a selection in another order; the mark goes on to what took its place. */
export function kept(selection, order, before) {
  const chosen = new Set([...selection.chosen].filter((id) => order.at.has(id)));
  const { anchor, active } = selection;
  let next = order.at.has(active) ? active : null;
  if (active !== null && next === null && order.ids.length) {
    const was = before?.at.get(active) ?? 0;
    next = order.ids[Math.min(was, order.ids.length - 1)];
  }
  return { chosen, anchor: order.at.has(anchor) ? anchor : null, active: next };
}
