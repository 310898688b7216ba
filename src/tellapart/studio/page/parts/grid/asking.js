// The order in which thumbnails are asked for: those nearest to what is seen first, a few at a time.
// One that has been scrolled past is abandoned; while somebody scrolls fast, none is begun.

const AT_ONCE = 4; // a browser opens six connections; the rest are for everything else

/** `begin(tile)` sets off a tile's picture; `done(tile)` is to be told when that ended anyhow. */
export function asking(begin) {
  const waiting = new Set();
  const underWay = new Set();
  let centre = 0;
  let held = false;

  function next() {
    while (!held && underWay.size < AT_ONCE && waiting.size) {
      let nearest = null;
      for (const tile of waiting)
        if (!nearest || Math.abs(tile.number - centre) < Math.abs(nearest.number - centre))
          nearest = tile;
      waiting.delete(nearest);
      underWay.add(nearest);
      begin(nearest);
    }
  }

  return {
    ask(tile) {
      waiting.add(tile);
    },
    /** Whether it was waiting or under way. */
    drop(tile) {
      return waiting.delete(tile) || underWay.delete(tile);
    },
    done(tile) {
      if (underWay.delete(tile)) next();
    },
    /** What is seen now is around this number. */
    around(number) {
      centre = number;
      next();
    },
    hold(yes) {
      held = yes;
      next();
    },
  };
}
