// What the server answers at an address, kept as it is now.
import { useEffect, useRef, useState } from "./vendor/preact.js";
import { get, post } from "./api.js";
import { attempt, hear } from "./store.js";

/**
 * [found, change]: what an address answers, asked again after each event of these kinds (of a training
 * when it has ended); and a function that changes something by asking, and takes what is answered,
 * where that is of the same kind. What was asked before a change is not taken after it.
 */
export function useFresh(path, kinds) {
  const [found, take] = useState(null);
  const stamp = useRef(0);
  useEffect(() => {
    let left = false;
    let busy = false;
    let again = false;
    const ask = async () => {
      again = busy;
      if (busy) return;
      busy = true;
      const begun = stamp.current;
      const answer = await attempt(() => get(path)).finally(() => (busy = false));
      if (left) return;
      if (answer && begun === stamp.current) take(answer);
      if (again || begun !== stamp.current) ask();
    };
    ask();
    const silent = kinds.map((kind) => hear(kind, (data) => (kind !== "training" || !data.doing) && ask()));
    return () => {
      left = true;
      silent.forEach((stop) => stop());
    };
  }, [path]);
  const turn = useRef(Promise.resolve()); // so that undo never overtakes what it is to undo
  const change = (to, body, isSame = true) => {
    stamp.current++;
    turn.current = turn.current.catch(() => {}).then(async () => {
      const answer = await attempt(() => post(to, body));
      stamp.current++;
      if (answer && isSame) take(answer);
    });
    return turn.current;
  };
  return [found, change];
}
