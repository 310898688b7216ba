// Frames on their way into the folder: sent one after the other, as one change that one undo takes
// back. Goes on when the panel that recorded them is closed.
import { send } from "../api.js";
import { attempt } from "../store.js";
import { frameName, withTime } from "./frames.js";

const waiting = []; // [{recording, blob, time, name}]
const listeners = new Set();
let busy = false;

/** A recording that begins now, of a label ("" for none). */
export const recording = (label) => ({ label, begun: new Date(), key: crypto.randomUUID(), count: 0, saved: 0, failed: false });

/** How many frames are still to be saved; `listener` is called whenever that changes, until stopped. */
export const unsaved = () => waiting.length;
export function follow(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
const tell = () => listeners.forEach((one) => one());

/** Add a frame to a recording, and see that it is saved. */
export function add(to, { blob, time }) {
  to.count += 1;
  waiting.push({ to, blob, time, name: frameName(to.begun, to.count) });
  if (!busy) run();
}

async function run() {
  busy = true;
  while (waiting.length) {
    tell();
    const { to, blob, time, name } = waiting[0];
    if (!to.failed) {
      const query = new URLSearchParams({ label: to.label, name, batch: to.key });
      const bytes = withTime(new Uint8Array(await blob.arrayBuffer()), time);
      if (await attempt(() => send(`/api/pictures?${query}`, bytes))) to.saved += 1;
      else to.failed = true;
    }
    waiting.shift();
  }
  busy = false;
  tell();
}
