// Keys: a view says which it hears and what they do; `?` shows them all.
import { useLayoutEffect, useRef } from "./vendor/preact.js";

const COVER = [];
const registered = new Set(); // of each component a ref to its keys; the newest component hears first

const writes = (target) =>
  target.isContentEditable ||
  target.tagName === "TEXTAREA" ||
  target.tagName === "SELECT" ||
  (target.tagName === "INPUT" && !["range", "checkbox", "radio", "button"].includes(target.type));

/** How a key event is called: "Ctrl+z", "Shift+Enter", "a", "ArrowLeft", " ". */
export function called(event) {
  const before = [(event.ctrlKey || event.metaKey) && "Ctrl", event.altKey && "Alt"];
  if (event.shiftKey && (event.key.length > 1 || event.ctrlKey || event.metaKey)) before.push("Shift");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return [...before.filter(Boolean), key].join("+");
}

/** A digit with Shift, which writes another letter on each keyboard: "Shift+1"; else nothing. */
const digit = (event) => (event.shiftKey && /^Digit\d$/.test(event.code) ? `Shift+${event.code.slice(5)}` : "");

/**
 * The keys of a component as long as it is there: [{keys: ["z", "Ctrl+z"], words, act(event)}]. They
 * act on what it showed last. `act` may return false, and then the key goes on to whoever else hears it;
 * a key without `act` is only told, as what has the focus hears it.
 * What lies under a dialog hears no key, but those that are `everywhere`.
 */
export function useKeys(list) {
  const now = useRef(list);
  now.current = list;
  useLayoutEffect(() => { // before the page is drawn, so that a key finds what it shows
    registered.add(now);
    return () => registered.delete(now);
  }, []);
}

/** A component covers those that were there before it, as a dialog does. */
export const useCover = () => useKeys(COVER);

function heard() {
  const all = [...registered];
  const cover = all.findLastIndex((one) => one.current === COVER);
  return all.flatMap((one, at) => one.current.filter((key) => key.act && (at > cover || key.everywhere)));
}

const SIGNS = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "Page Up", PageDown: "Page Down" };

/** A key as it stands on a keyboard: "Space", "Ctrl+Z", "←", "?". */
export const spelt = (key) =>
  SIGNS[key] || key.replace(/(^|\+)(.)$/, (_, before, last) => before + last.toUpperCase());

/** All keys that do something now, in the order in which they were registered. */
export const allKeys = () => [...registered].flatMap((one) => one.current).filter((one) => one.words);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || writes(event.target)) return;
  const names = [called(event), digit(event)];
  for (const one of heard().reverse()) {
    if (one.keys.some((key) => names.includes(key)) && one.act(event) !== false) {
      event.preventDefault();
      return;
    }
  }
});
