// A picture that is being painted on: its strokes, undone and redone, and what is sent of it.

import {apply, around, begin, copied, cut, end, extend, laid, scaled} from "./strokes.js";

const KEPT = 2 ** 26; // bytes of what strokes painted over; of older ones it is painted again

/** A picture of what the server sends: width and height in four bytes each, then red, green and blue. */
export function opaque(bytes) {
  const [width, height] = new Uint32Array(bytes, 0, 2);
  const from = new Uint8Array(bytes, 8);
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let at = 0; at < width * height; at++) {
    for (let channel = 0; channel < 3; channel++) pixels[4 * at + channel] = from[3 * at + channel];
  }
  return { width, height, pixels };
}

export class Painting {
  /** `original` is {width, height, pixels}; it is never changed. */
  constructor(original) {
    this.original = original;
    this.picture = copied(original);
    this.done = []; // {stroke, rect, held}: what was under it
    this.undone = [];
    this.work = null; // the stroke under way
  }

  /** Whether it is not as it was. */
  get painted() {
    const last = this.work ?? this.done.at(-1);
    return Boolean(last) && last.stroke.tool !== "reset";
  }

  /** The box that holds all that was painted, or null. */
  get rect() {
    return [...this.done, this.work].reduce((box, one) => around(box, one?.rect ?? null), null);
  }

  /** Each of these gives the box that changed, or null. */
  begin(stroke, point) {
    this.work = begin(this.picture, this.original, stroke);
    return this.move(point);
  }

  move(point) {
    return extend(this.work, point);
  }

  end() {
    const {work} = this;
    const rect = end(work);
    this.work = null;
    if (!rect) return null;
    const under = {...this.picture, pixels: work.before};
    this.done.push({stroke: work.stroke, rect, held: cut(under, rect)});
    this.undone = [];
    let kept = 0;
    for (const one of this.done.toReversed())
      if ((kept += one.held?.length ?? 0) > KEPT) one.held = null;
    return rect;
  }

  /** Do a whole stroke at once. */
  stroke(stroke) {
    this.work = begin(this.picture, this.original, stroke);
    for (const point of stroke.points) extend(this.work, point);
    return this.end();
  }

  /** The original again; this too can be undone. */
  reset() {
    return this.stroke({tool: "reset", size: 0, points: []});
  }

  undo() {
    const last = this.done.pop();
    if (!last) return null;
    this.undone.push(last.stroke);
    if (last.held) laid(this.picture, last.rect, last.held);
    else this.picture = this.on(this.original);
    return last.rect;
  }

  redo() {
    const stroke = this.undone.pop();
    if (!stroke) return null;
    const left = this.undone;
    const rect = this.stroke(stroke);
    this.undone = left;
    return rect;
  }

  /** All strokes on a copy of another size of the original. */
  on(original) {
    const picture = copied(original);
    const times = original.width / this.original.width;
    for (const {stroke} of this.done) apply(picture, original, scaled(stroke, times));
    return picture;
  }

  /** What the server needs to know it: the box that was painted, and its red, green and blue. */
  patch() {
    const rect = this.rect ?? {left: 0, top: 0, right: 0, bottom: 0};
    return {...rect, bytes: cut(this.picture, rect, 3)};
  }
}
