// The nodes of the pictures that are near what is seen: a few hundred, used again and again.

import { placeOf, windowOf } from "./arithmetic.js";
import { asking } from "./asking.js";

const ROWS_MORE = 3; // above and below what is seen
const FAST = 8; // windows a second: no thumbnail could be looked at
const REST = 120; // milliseconds without scrolling

function element(name, className, parent) {
  const node = document.createElement(name);
  node.className = className;
  parent?.append(node);
  return node;
}

function newTile(ended) {
  const node = element("div", "tile", null);
  node.setAttribute("role", "option");
  node.draggable = true;
  const image = element("img", "", node);
  image.alt = "";
  image.decoding = "async";
  image.draggable = false;
  const tile = { node, image, mark: element("span", "mark", node), id: null, address: "", said: {} };
  tile.reason = element("span", "reason", node);
  image.addEventListener("load", () => {
    node.classList.remove("waiting");
    ended(tile, true);
  });
  image.addEventListener("error", () => {
    if (image.hasAttribute("src")) ended(tile, false);
  });
  return tile;
}

/** Write what differs from what was written last: most of a tile stays as it was. */
function say(tile, name, value, write) {
  if (tile.said[name] === value) return;
  tile.said[name] = value;
  write(value);
}

/**
 * `bodyOf(key)` gives the element of a section's tiles; `draw(id)` what a picture's tile says:
 * {address, name, mark, dimmed}; `whyNot(address)` promises the reason for one that cannot be shown.
 */
export function recycling({ bodyOf, draw, whyNot }) {
  const used = new Map();
  const free = [];
  const of = new WeakMap();
  const shownOnce = new Set();
  let layout = null;
  let order = null;
  let selection = null;
  let view = { top: 0, height: 0, at: 0 };
  let resting = 0;
  let there = { first: 0, end: 0 }; // the numbers that have nodes

  const queue = asking((tile) => {
    tile.image.src = tile.address;
  });
  async function ended(tile, well) {
    const { address } = tile;
    queue.done(tile);
    if (well) {
      shownOnce.add(address);
      return;
    }
    const reason = await whyNot(address);
    if (tile.address !== address) return;
    tile.node.classList.add("unreadable");
    tile.reason.textContent = reason;
  }

  function abandon(tile) {
    if (!queue.drop(tile)) return;
    tile.image.removeAttribute("src");
    tile.address = "";
  }

  function release(tile) {
    abandon(tile);
    used.delete(tile.id);
    tile.node.remove();
    free.push(tile);
  }

  function take(id) {
    const tile = free.pop() ?? newTile(ended);
    tile.id = id;
    tile.node.id = `picture-${id}`;
    of.set(tile.node, tile);
    used.set(id, tile);
    return tile;
  }

  function show(tile, address) {
    if (tile.address === address) return;
    abandon(tile);
    tile.address = address;
    tile.node.classList.remove("unreadable");
    tile.reason.textContent = "";
    const known = shownOnce.has(address);
    tile.node.classList.toggle("waiting", !known);
    if (known) tile.image.src = address;
    else {
      tile.image.removeAttribute("src");
      queue.ask(tile);
    }
  }

  function place(tile, number, before) {
    const { node } = tile;
    const id = order.ids[number];
    const { section, x, y } = placeOf(layout, number);
    const within = layout.sections[section];
    const parent = bodyOf(within.key);
    tile.number = number;
    const next = before?.parentNode === parent ? before.nextSibling : parent.firstChild;
    if (next !== node) parent.insertBefore(node, next);
    say(tile, "where", `translate(${x}px, ${y}px)`, (value) => (node.style.transform = value));
    say(tile, "at", number - within.first + 1, (value) => (node.ariaPosInSet = value));
    say(tile, "of", within.shown, (value) => (node.ariaSetSize = value));
    const chosen = selection.chosen.has(id);
    say(tile, "chosen", chosen, (value) => (node.ariaSelected = String(value)));
    say(tile, "active", selection.active === id, (is) => node.classList.toggle("active", is));
    const drawn = draw(id);
    say(tile, "name", drawn.name, (value) => (node.ariaLabel = value));
    say(tile, "mark", drawn.mark, (value) => (tile.mark.textContent = value));
    say(tile, "dimmed", drawn.dimmed, (is) => node.classList.toggle("dimmed", is));
    show(tile, drawn.address);
  }

  const wanted = () => windowOf(layout, view.top, view.top + view.height, ROWS_MORE);

  function render() {
    if (!layout) return;
    there = wanted();
    const { first, end } = there;
    for (const tile of [...used.values()]) {
      const number = order.at.get(tile.id);
      if (number === undefined || number < first || number >= end) release(tile);
    }
    let before = null; // they stand in the document as they are seen
    for (let number = first; number < end; number += 1) {
      const id = order.ids[number];
      const tile = used.get(id) ?? take(id);
      place(tile, number, before);
      before = tile.node;
    }
    queue.around((first + end) / 2);
  }

  return {
    update(now) {
      ({ layout, order, selection } = now);
      render();
    },
    resized(height) {
      view = { ...view, height };
      render();
    },
    scrolled(top, at) {
      const seconds = Math.max(0.001, (at - view.at) / 1000);
      const fast = Math.abs(top - view.top) / seconds > FAST * view.height;
      view = { ...view, top, at };
      queue.hold(fast);
      clearTimeout(resting);
      if (fast) resting = setTimeout(() => queue.hold(false), REST);
      if (!layout) return;
      const { first, end } = wanted();
      if (first !== there.first || end !== there.end) render(); // else all stay where they are
    },
    /** Nothing is asked for any more: they are taken away. */
    end() {
      clearTimeout(resting);
      queue.hold(true);
    },
    /** The id of the picture that a node stands for or is inside of. */
    idOf: (node) => of.get(node.closest?.(".tile"))?.id ?? null,
    nodeOf: (id) => used.get(id)?.node ?? null,
  };
}
