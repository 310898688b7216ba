// Bringing pictures in: a queue of files and archives, sent a few at a time, and what became of them.
import { useEffect, useState } from "../vendor/preact.js";
import { post, send } from "../api.js";
import { hear, refresh, say } from "../store.js";
import { t } from "../words.js";
import { isArchive } from "./arrivals.js";

const AT_ONCE = 2;
const AGAIN = 1500; // milliseconds until the server is asked again
const SOON = 30; // milliseconds in which what happens is drawn together

/** What is told of files beside that they were added. */
export const KINDS = ["refused", "copies", "notes", "left"];
const NOTHING = { refused: [], copies: [], notes: [], left: [] };

let now = { pending: [], lot: 0, sent: 0, added: 0, arriving: null, outcome: NOTHING };
let underWay = 0;
let number = 0;
let telling = 0;
const listeners = new Set();

function change(values) {
  now = { ...now, ...values };
  telling ||= setTimeout(() => {
    telling = 0;
    for (const listener of listeners) listener(now);
  }, SOON);
}

/**
 * pending: files that are not there yet, as {id, file, label, part, archive}; lot: its number;
 * sent and added: how many of this lot were sent, and how many pictures that gave; arriving: {name,
 * done, total} of an archive that is looked through; outcome: of each of `KINDS` what is to be told
 * of this lot, until it is closed.
 */
export function useUploads() {
  const [uploads, set] = useState(now);
  useEffect(() => {
    set(now);
    listeners.add(set);
    return () => listeners.delete(set);
  }, []);
  return uploads;
}

/** An outcome with one more answer in it: that to `one`, which was sent. */
export function withAnswer(outcome, one, { refused = [], copies = [], notes = [], left = "" }) {
  const named = (name) => (one.archive ? `${one.called}: ${name}` : one.called);
  return {
    refused: [...outcome.refused, ...refused.map(([name, reason]) => ({ name: named(name), reason }))],
    copies: [...outcome.copies, ...copies.map(([name, there]) => ({ name: named(name), there }))],
    notes: [...outcome.notes, ...notes.filter((note) => !outcome.notes.includes(note))],
    left: left ? [...outcome.left, left] : outcome.left,
  };
}

/** An outcome in a line; "" if there is nothing to tell. */
export const sentenceOf = (outcome) =>
  KINDS.filter((kind) => outcome[kind].length)
    .map((kind) => t(`collect.${kind}`, { count: outcome[kind].length }))
    .join(", ");

/** The address of the content of a file that is not there yet. */
export const addressOf = (one) => (one.address ??= URL.createObjectURL(one.file));

/** Add files, [{file, path, label, part}]: they are undone together. */
export function bringIn(files) {
  const batch = crypto.getRandomValues(new Uint32Array(2)).join("");
  const stopping = new AbortController();
  const coming = files.map(({ file, path, label, part }) => {
    const archive = isArchive(file);
    return { file, label, part, batch, stopping, archive, called: path.join("/"), id: `new-${++number}`, begun: false };
  });
  if (!now.pending.length) change({ lot: now.lot + 1, sent: 0, added: 0, outcome: NOTHING });
  change({ pending: [...now.pending, ...coming] });
  go();
}

/** Files that could not even be read where they lie, [{path}]. */
export function notRead(files) {
  if (!files.length) return;
  const refused = files.map(({ path }) => ({ name: path.join("/"), reason: t("collect.not_read") }));
  change({ outcome: { ...now.outcome, refused: [...now.outcome.refused, ...refused] } });
}

/** Send no more of them. */
export function stop() {
  for (const one of now.pending) one.stopping.abort();
  gone(now.pending);
}

/** Undo; while files are on their way that means these: no more is sent, and what has come goes back. */
export function undo() {
  const { batch, stopping } = now.pending[0] || {};
  if (!batch) return post("/api/undo");
  stopping.abort();
  change({ sent: 0, added: 0, arriving: null });
  letGo(now.pending.filter((one) => one.batch === batch));
  return post("/api/undo", { batch });
}

/** What was told of files is closed. */
export const forget = () => change({ outcome: NOTHING });

/** Some are no longer on their way. */
function letGo(some) {
  for (const one of some) if (one.address) URL.revokeObjectURL(one.address);
  const ids = new Set(some.map((one) => one.id));
  change({ pending: now.pending.filter((one) => !ids.has(one.id)) });
}

function gone(some) {
  const before = now.pending.length;
  letGo(some);
  if (!before || now.pending.length) return;
  const more = sentenceOf(now.outcome);
  say([now.added || !more ? t("collect.added", { count: now.added }) : "", more && `${more}.`].filter(Boolean).join(" "));
}

function go() {
  const next = now.pending.find((one) => !one.begun);
  if (!next || underWay >= AT_ONCE) return;
  next.begun = true;
  underWay += 1;
  bring(next, next.stopping.signal).finally(() => {
    underWay -= 1;
    go();
  });
  go();
}

async function bring(one, signal) {
  const { file, label, part, batch } = one;
  let told;
  let from = one;
  try {
    told = await sent(`/api/pictures?${new URLSearchParams({ name: file.name, label, part, batch })}`, file, signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    const reason = [error.message, error.hint].filter(Boolean).join(" ");
    const twice = `${file.name}: `; // it is named beside it
    told = { added: 0, refused: [[file.name, reason.startsWith(twice) ? reason.slice(twice.length) : reason]] };
    from = { ...one, archive: false }; // it is the file itself that was refused
  }
  if (signal.aborted) return;
  change({ sent: now.sent + 1, added: now.added + told.added, arriving: null, outcome: withAnswer(now.outcome, from, told) });
  (told.added ? refresh() : Promise.resolve()).then(() => gone([one]));
}

/** Send a file, again and again while nobody answers. */
async function sent(address, file, signal) {
  for (;;) {
    try {
      return await send(address, file, signal);
    } catch (error) {
      if (error.status !== 0) throw error;
      await new Promise((later) => setTimeout(later, AGAIN));
      signal.throwIfAborted();
    }
  }
}

hear("arriving", ({ batch, ...arriving }) => {
  if (now.pending.some((one) => one.batch === batch)) change({ arriving });
});
