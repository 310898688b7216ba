// Bringing pictures in: a queue of files, sent a few at a time; what could not be added, with why.
import { useEffect, useState } from "../vendor/preact.js";
import { send } from "../api.js";
import { refresh } from "../store.js";
import { t } from "../words.js";

const AT_ONCE = 2;
const AGAIN = 1500; // milliseconds until the server is asked again

let now = { pending: [], sent: 0, failed: [] };
let stopping = new AbortController();
let underWay = 0;
let number = 0;
const listeners = new Set();

function change(values) {
  now = { ...now, ...values };
  for (const listener of listeners) listener(now);
}

/**
 * {pending, sent, failed}: files that are not there yet as {id, file, label, part, address}, how
 * many of this lot are, and [{name, reason}] of what could not be added.
 */
export function useUploads() {
  const [uploads, set] = useState(now);
  useEffect(() => {
    listeners.add(set);
    return () => listeners.delete(set);
  }, []);
  return uploads;
}

/** Add files, [{file, label, part}]: they are undone together. */
export function bringIn(files) {
  const batch = crypto.getRandomValues(new Uint32Array(2)).join("");
  const added = files.map((one) => ({ ...one, id: `new-${++number}`, batch, begun: false }));
  for (const one of added) one.address = URL.createObjectURL(one.file);
  if (!now.pending.length) change({ sent: 0 });
  change({ pending: [...now.pending, ...added] });
  go();
}

/** Send no more of them. */
export function stop() {
  stopping.abort();
  stopping = new AbortController();
  gone(now.pending);
}

export const forgetFailed = () => change({ failed: [] });

function gone(some) {
  for (const one of some) URL.revokeObjectURL(one.address);
  const ids = new Set(some.map((one) => one.id));
  change({ pending: now.pending.filter((one) => !ids.has(one.id)) });
}

function go() {
  const next = now.pending.find((one) => !one.begun);
  if (!next || underWay >= AT_ONCE) return;
  next.begun = true;
  underWay += 1;
  bring(next, stopping.signal).finally(() => {
    underWay -= 1;
    go();
  });
  go();
}

async function bring(one, signal) {
  const { file, label, part, batch } = one;
  let failed = [];
  try {
    const told = await sent(`/api/pictures?${new URLSearchParams({ name: file.name, label, part, batch })}`, file, signal);
    for (const [name, reason] of told.refused ?? []) failed.push({ name, reason });
    for (const [name, there] of told.copies ?? []) failed.push({ name, reason: t("collect.copy", { name: there }) });
    refresh().then(() => gone([one]));
  } catch (error) {
    if (error.name === "AbortError") return;
    failed = [{ name: file.name, reason: [error.message, error.hint].filter(Boolean).join(" ") }];
    gone([one]);
  }
  change({ sent: now.sent + 1, failed: [...now.failed, ...failed] });
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
