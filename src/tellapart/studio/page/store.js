// What the page knows: how the folder is, told by one event stream, asked for again where it changed.
import { useEffect, useState } from "./vendor/preact.js";
import { get, Problem } from "./api.js";

/**
 * status: "loading", "here", "gone" (the server does not answer) or "stale" (it was started anew).
 * pictures: Map of id -> {id, name, label, part, version, decided}; a new Map after each change.
 */
export const store = {
  status: "loading",
  epoch: "",
  revision: 0,
  folder: { name: "", path: "" },
  labels: [],
  pictures: new Map(),
  undo: null,
  redo: null,
  problem: null, // {detail, hint}: why the folder's labels cannot be read now
  training: {},
  capture: null, // {label} while the webcam's panel is open
  dialogs: 0, // how many are open, one over the other
  messages: [], // {id, text, hint, kind, at, timer}
};

const listeners = new Set();
const kinds = new Map(); // kind of event -> functions

/** Change the store, and have all that use it drawn again. */
export function update(values) {
  Object.assign(store, values);
  for (const one of listeners) one();
}

/** The store, in a component that is drawn again when `choose` of it gives something else. */
export function useStore(choose = (all) => all.revision) {
  const [, draw] = useState(0);
  useEffect(() => {
    let last = choose(store);
    const look = () => {
      const now = choose(store);
      if (now !== last) {
        last = now;
        draw((count) => count + 1);
      }
    };
    listeners.add(look);
    return () => listeners.delete(look);
  }, []);
  return choose(store);
}

/** Hear a kind of event, such as "training"; the function returned stops it. */
export function hear(kind, listener) {
  if (!kinds.has(kind)) {
    kinds.set(kind, new Set());
    if (stream) follow(kind);
  }
  kinds.get(kind).add(listener);
  return () => kinds.get(kind).delete(listener);
}

let number = 0;
const OLD = 1000; // milliseconds after which a message is of an earlier change than the one that comes

/** Say something below the page for a while, or until the next change; what is said already stays. */
export function say(text, { hint = "", kind = "note" } = {}) {
  const same = store.messages.find((one) => one.text === text && one.hint === hint);
  clearTimeout(same?.timer);
  const id = same?.id || ++number;
  const timer = setTimeout(() => forget(id), kind === "error" ? 12000 : 5000);
  const others = store.messages.filter((one) => one !== same);
  update({ messages: [...others, { id, text, hint, kind, at: performance.now(), timer }].slice(-4) });
}

export const forget = (id) => update({ messages: store.messages.filter((one) => one.id !== id) });

/** Do what asks the server; what was left undone or goes wrong is said, and undefined comes back. */
export async function attempt(asking) {
  try {
    const answer = await asking();
    if (typeof answer?.left === "string" && answer.left) say(answer.left); // elsewhere it is a count
    return answer;
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) update({ status: "stale" });
    say(error.message, { hint: error.hint, kind: "error" });
    return undefined;
  }
}

let asking = null;
let next = null;

/**
 * Ask how the folder is now; what is promised was asked for after the call. Calls that come while one
 * is under way become one more.
 */
export function refresh() {
  if (!asking) {
    asking = load().finally(() => {
      asking = null;
    });
    return asking;
  }
  next ??= asking
    .finally(() => {
      next = null;
    })
    .then(refresh);
  return next;
}

async function load() {
  try {
    const found = await get(`/api/state?since=${store.revision}&epoch=${store.epoch}`);
    const pictures = found.whole ? new Map() : new Map(store.pictures);
    for (const [id, name, label, part, version, decided] of found.pictures) {
      pictures.set(id, { id, name, label, part, version, decided });
    }
    for (const id of found.gone) pictures.delete(id);
    const { epoch, revision, folder, labels, undo, redo, problem, training } = found;
    const messages = revision === store.revision ? store.messages : store.messages.filter((one) => performance.now() - one.at < OLD);
    update({ status: "here", messages, epoch, revision, folder, labels, pictures, undo, redo, problem, training });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    update({ status: error.status === 401 ? "stale" : "gone" });
  }
}

let stream = null;

function follow(kind) {
  stream.addEventListener(kind, (event) => {
    const data = event.data ? JSON.parse(event.data) : {};
    for (const listener of kinds.get(kind)) listener(data);
  });
}

/**
 * Open the event stream, and open it again whenever it breaks; each time, "open" is heard. A browser
 * has six connections to a server and no more, so a page that is not in sight holds none.
 */
export function begin() {
  hear("folder", refresh);
  hear("training", (training) => update({ training }));
  const open = () => {
    if (stream && (document.hidden || stream.readyState !== EventSource.CLOSED)) return;
    stream = new EventSource("/api/events");
    for (const kind of kinds.keys()) follow(kind);
    stream.onopen = refresh;
    stream.onerror = () => {
      if (store.status === "here") update({ status: "gone" });
      if (stream.readyState === EventSource.CLOSED) {
        refresh();
        setTimeout(open, 1500);
      }
    };
  };
  open();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream.close();
    else open();
  });
}
