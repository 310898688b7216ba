// Ten thousand pictures in sections, in one scroll: what a mouse, a finger and keys do in it.
// Which pictures are selected is its owner's; the nodes are `tiles.js`'s.

import { html, useLayoutEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { layOut, placeOf, revealing, step, touched } from "./arithmetic.js";
import { follow } from "./band.js";
import { beginDrag, dropPlace } from "./drag.js";
import { clicked, everything, moved, orderOf, released, swept } from "./selection.js";
import { recycling } from "./tiles.js";

const GAP = 6;
const HEADING = 48;
const EMPTY = 64; // the height of a section without pictures: a place to drop on
const LONG_PRESS = 450; // milliseconds
const STILL = 10; // pixels that a finger may move meanwhile

const adds = (event) => event.ctrlKey || event.metaKey;

/** The order of the pictures that are seen, of `sections` with their `ids`. */
export function orderIn(sections) {
  return orderOf(sections.flatMap((section) => (section.folded ? [] : section.ids)));
}

/**
 * `sections` are {key, name, ids, folded}; `heading(section)` draws one's heading, `empty(section)`
 * what stands where it has no pictures; `draw` and `whyNot` as in `recycling`. `select` gets a new
 * selection, `open(id)` a picture to be seen large, `drop(key)` gives what takes a drop on a section
 * (see `dropPlace`). In `handle.current` is `to(key)`, which scrolls to a section, and `focus()`.
 */
export function Grid(props) {
  const { sections, order, tile, selection, select, heading, empty, draw, drop } = props;
  const scroller = useRef(null);
  const bodies = useRef(new Map());
  const [width, setWidth] = useState(0);
  const [band, setBand] = useState(null);
  const layout = useMemo(
    () =>
      layOut({
        width,
        tile,
        gap: GAP,
        heading: HEADING,
        empty: EMPTY,
        sections: sections.map(({ key, ids, folded }) => ({ key, count: ids.length, folded })),
      }),
    [sections, width, tile],
  );
  const now = useRef(null);
  const pixels = layout.side * devicePixelRatio > 160 ? 320 : 160;
  now.current = { ...props, layout, pixels };

  const tiles = useMemo(
    () =>
      recycling({
        bodyOf: (key) => bodies.current.get(key),
        draw: (id) => now.current.draw(id, now.current.pixels),
        whyNot: (address) => now.current.whyNot(address),
      }),
    [],
  );
  useLayoutEffect(() => {
    const seen = scroller.current;
    const scrolled = () => tiles.scrolled(seen.scrollTop, performance.now());
    const sized = new ResizeObserver(([{ contentRect }]) => {
      setWidth(contentRect.width);
      tiles.resized(contentRect.height);
    });
    sized.observe(seen);
    seen.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      sized.disconnect();
      seen.removeEventListener("scroll", scrolled);
      tiles.end();
    };
  }, []);
  useLayoutEffect(() => {
    if (width) tiles.update({ layout, order, selection });
  }, [layout, order, selection, draw, tiles]);

  function reveal(id) {
    const seen = scroller.current;
    const number = order.at.get(id);
    seen.scrollTop = revealing(layout, number, seen.scrollTop, seen.clientHeight);
    bodies.current.get(layout.sections[placeOf(layout, number).section].key).focus({ preventScroll: true });
  }
  if (props.handle)
    props.handle.current = {
      to(key) {
        const section = layout.sections.find((each) => each.key === key);
        if (section) scroller.current.scrollTo({ top: section.top });
      },
      focus: () => order.at.has(selection.active) && reveal(selection.active),
    };

  const touch = useTouch((node) => {
    const id = tiles.idOf(node);
    if (id !== null) select(clicked(selection, order, id, { add: true }));
  });
  function click(event) {
    const id = tiles.idOf(event.target);
    if (touch.ended()) return;
    if (id === null) return;
    if (touch.isFinger && !selection.chosen.size) props.open(id);
    else {
      const how = { add: adds(event) || touch.isFinger, range: event.shiftKey };
      select(clicked(selection, order, id, how));
    }
  }
  function press(event) {
    touch.begin(event);
    const onBar = event.target === scroller.current && event.offsetX > scroller.current.clientWidth;
    const onThing = event.target.closest(".tile, button, input");
    if (event.pointerType !== "mouse" || event.button || onBar || onThing) return;
    const before = adds(event) || event.shiftKey ? selection : released(selection);
    select(before);
    follow(event, scroller.current, (rectangle) => {
      setBand(rectangle);
      if (!rectangle) return;
      const { layout: current, order: shown } = now.current;
      const ids = touched(current, rectangle).map((number) => shown.ids[number]);
      select(swept(before, ids, { add: true }));
    });
  }
  function key(event) {
    if (!event.target.matches("[role=listbox]")) return;
    const { active } = selection;
    const number = order.at.get(active) ?? -1;
    if (/^(Arrow|Home$|End$|Page)/.test(event.key)) {
      const to = order.ids[step(layout, number, event.key, scroller.current.clientHeight)];
      if (to === undefined) return;
      select(moved(selection, order, to, { add: adds(event), range: event.shiftKey }));
      reveal(to);
    } else if (adds(event) && event.key.toLowerCase() === "a") select(everything(selection, order));
    else if (event.key === "Escape" && selection.chosen.size) select(released(selection));
    else if (event.key === " " && active !== null)
      select(clicked(selection, order, active, { add: true, range: event.shiftKey }));
    else if (event.key === "Enter" && active !== null) props.open(active);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  function drag(event) {
    const id = tiles.idOf(event.target);
    if (id === null || touch.isFinger) return event.preventDefault();
    const some = selection.chosen.has(id) ? selection : clicked(selection, order, id);
    if (some !== selection) select(some);
    const ids = order.ids.filter((each) => some.chosen.has(each));
    const images = ids.map((each) => tiles.nodeOf(each)?.querySelector("img[src]"));
    beginDrag(event, ids, images.filter(Boolean));
  }

  const at = order.at.has(selection.active)
    ? placeOf(layout, order.at.get(selection.active)).section
    : layout.sections.findIndex((section) => section.shown);
  const sizes = { "--side": `${layout.side}px`, "--heading": `${HEADING}px`, "--gap": `${GAP}px` };
  return html`<div
    class="grid"
    ref=${scroller}
    style=${sizes}
    onClick=${click}
    onDblClick=${(event) => tiles.idOf(event.target) !== null && props.open(tiles.idOf(event.target))}
    onPointerDown=${press}
    onPointerMove=${touch.move}
    onPointerUp=${touch.end}
    onPointerCancel=${touch.end}
    onContextMenu=${touch.menu}
    onKeyDown=${key}
    onDragStart=${drag}
  >
    ${sections.map((section, number) => {
      const { inside, shown } = layout.sections[number];
      return html`<section key=${section.key} aria-label=${section.name} ...${dropPlace(drop(section.key))}>
        <header>${heading(section)}</header>
        ${!section.folded && !section.ids.length && empty(section)}
        ${shown > 0 &&
        html`<div
          class="tiles"
          role="listbox"
          aria-label=${section.name}
          aria-multiselectable="true"
          aria-activedescendant=${number === at && selection.active !== null ? `picture-${selection.active}` : null}
          tabindex=${number === at ? 0 : -1}
          style=${{ height: `${inside}px` }}
          ref=${(node) => bodies.current.set(section.key, node)}
        />`}
      </section>`;
    })}
    ${band &&
    html`<div
      class="band"
      style=${{
        transform: `translate(${band.left}px, ${band.top}px)`,
        width: `${band.right - band.left}px`,
        height: `${band.bottom - band.top}px`,
      }}
    />`}
  </div>`;
}

/** A finger that rests on a picture selects it: `rested(node)`; the click after that is none. */
function useTouch(rested) {
  const state = useRef({ timer: 0, x: 0, y: 0, isFinger: false, was: false });
  const touch = state.current;
  const end = () => clearTimeout(touch.timer);
  return {
    get isFinger() {
      return touch.isFinger;
    },
    begin(event) {
      touch.isFinger = event.pointerType === "touch";
      touch.was = false;
      end();
      if (!touch.isFinger) return;
      [touch.x, touch.y] = [event.clientX, event.clientY];
      touch.timer = setTimeout(() => {
        touch.was = true;
        rested(event.target);
      }, LONG_PRESS);
    },
    move(event) {
      if (Math.hypot(event.clientX - touch.x, event.clientY - touch.y) > STILL) end();
    },
    end,
    ended() {
      const was = touch.was;
      touch.was = false;
      return was;
    },
    menu: (event) => touch.isFinger && event.preventDefault(),
  };
}
