// What this browser remembers of how a person likes the page; where it may keep nothing, until the page closes.

/** What was kept under a name, a text; else `otherwise`. */
export function kept(key, otherwise = "") {
  try {
    return localStorage.getItem(key) || otherwise;
  } catch {
    return otherwise; // blocked, as browsers can be told to
  }
}

export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // blocked, or full: what was chosen holds on this page all the same
  }
}
