// One request at a time, and of those that were asked for meanwhile only the newest.

/** `send(signal)` is called by `ask`; `ask(true)` also cancels the one that is under way. */
export function newest(send) {
  let under = null;
  let again = false;
  const ask = async (urgent) => {
    if (under) {
      again = true;
      if (urgent) under.abort();
      return;
    }
    do {
      again = false;
      under = new AbortController();
      try {
        await send(under.signal);
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      } finally {
        under = null;
      }
    } while (again);
  };
  return { ask };
}
