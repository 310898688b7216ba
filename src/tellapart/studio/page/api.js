// Asking the studio. What goes wrong is an error with the sentence and the hint that the server said.
import { t } from "./words.js";

export class Problem extends Error {
  constructor(status, detail, hint = "") {
    super(detail);
    this.status = status;
    this.hint = hint;
  }
}

const lost = (error) => {
  throw error.name === "AbortError" ? error : new Problem(0, t("shell.gone"));
};

/** What `read` makes of an answer; one that breaks off in its midst is none. */
async function answered(asking, read) {
  const answer = await asking.catch(lost);
  if (answer.ok) return read(answer).catch(lost);
  const said = await answer.json().catch(() => ({}));
  const stale = answer.status === 401;
  throw new Problem(answer.status, stale ? t("shell.stale") : said.detail || answer.statusText, stale ? "" : said.hint);
}

const json = (answer) => answer.json();

/** The JSON at an address. */
export const get = (path, signal) => answered(fetch(path, { signal }), json);

/** The bytes at an address. */
export const bytes = (path, signal) => answered(fetch(path, { signal }), (answer) => answer.arrayBuffer());

/** Send JSON; the JSON that is answered. */
export const post = (path, body = {}, signal) =>
  answered(
    fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" }, signal }),
    json,
  );

/** Send bytes, such as a picture's file; the JSON that is answered. */
export const send = (path, bytes, signal) =>
  answered(
    fetch(path, { method: "POST", body: bytes, headers: { "Content-Type": "application/octet-stream" }, signal }),
    json,
  );

/** The address of a picture's small copy; `side` is 160 or 320 pixels. */
export const thumbnail = (picture, side = 160) =>
  `/api/pictures/${picture.id}/thumbnail?side=${side}&v=${picture.version}`;

/** The address of a picture as browsers can show it. */
export const file = (picture) => `/api/pictures/${picture.id}/file?v=${picture.version}`;
