// Line icons, each a path on a square of 24.
import { html } from "../vendor/preact.js";

const paths = {
  undo: "M9 6 4 11l5 5M4 11h10a5 5 0 0 1 0 10h-2",
  redo: "m15 6 5 5-5 5m5-5H10a5 5 0 0 0 0 10h2",
  close: "M6 6l12 12M18 6 6 18",
  camera: "M4 7h10v10H4zm10 4 6-3v8l-6-3z",
  keys: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
};

/** An icon that says nothing: what it stands in has a name of its own. One that only one part of the page uses is given as
 * its `path`. */
export const Icon = ({ name, path = paths[name] }) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${path} /></svg>
`;
