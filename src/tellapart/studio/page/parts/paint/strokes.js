// The arithmetic of painting. A stroke is a mask and a source, and the source is mixed into the picture
// as far as the mask covers it:
//     brush, fill  a colour          eraser, reset  the original
//     blur         a blurred copy    hide           the mean of all the rest
//
// A picture is {width, height, pixels}, RGBA. A stroke is {tool, size, color, points}: points are
// [x, y, pressure] and `size` is a diameter, both in the picture's pixels. So the same strokes can be
// done again on a larger picture.

export const REACH = 24; // of 255: how far a channel may be from the colour that is filled

/** A copy that can be painted on. */
export const copied = ({width, height, pixels}) => ({width, height, pixels: pixels.slice()});

/** The colour of a pixel, [red, green, blue]. */
export function colorAt({width, height, pixels}, x, y) {
  const at = 4 * (within(y, height) * width + within(x, width));
  return [...pixels.subarray(at, at + 3)];
}

/** The same stroke on a picture whose sides are so many times as long. */
export const scaled = (stroke, times) => ({
  ...stroke,
  size: stroke.size * times,
  points: stroke.points.map(([x, y, pressure]) => [x * times, y * times, pressure]),
});

/** Begin a stroke on `picture`, which it changes. What is given back is for `extend` and `end`. */
export function begin(picture, original, stroke) {
  const {width, height, pixels} = picture;
  const before = pixels.slice();
  const work = {picture, before, stroke: {...stroke, points: []}, source: null, rect: null};
  work.mask = new Uint8Array(width * height);
  if (stroke.tool === "brush" || stroke.tool === "fill") work.color = stroke.color;
  else if (stroke.tool === "blur") work.source = blurred(picture, stroke.size / 2);
  else if (stroke.tool !== "hide") work.source = original.pixels;
  return work;
}

/** Lead a stroke on to [x, y, pressure], and say which part of the picture changed, if any did. */
export function extend(work, point) {
  const {tool, points} = work.stroke;
  const last = points.at(-1) ?? point;
  points.push(point);
  if (tool === "fill" || tool === "hide" || tool === "reset") return null; // at its end
  return joined(work, last, point);
}

/** End a stroke: the whole of what changed, or null. */
export function end(work) {
  const {picture, mask, stroke} = work;
  const {width, height} = picture;
  const whole = {left: 0, top: 0, right: width, bottom: height};
  if (stroke.tool === "reset") mixed(work, whole, mask.fill(255));
  if (stroke.tool === "fill") {
    const [x, y] = stroke.points[0];
    mixed(work, whole, flooded(picture, within(x, width), within(y, height), REACH));
  }
  if (stroke.tool === "hide") {
    const box = between(picture, stroke.points[0], stroke.points.at(-1));
    for (let y = box.top; y < box.bottom; y++)
      mask.fill(255, y * width + box.left, y * width + box.right);
    work.color = meanOutside(picture, box);
    mixed(work, box, mask);
  }
  return work.rect;
}

/** Do a whole stroke: what changed, or null. */
export function apply(picture, original, stroke) {
  const work = begin(picture, original, stroke);
  for (const point of stroke.points) extend(work, point);
  return end(work);
}

/** The pixels that hang together with one and are nearly of its colour, as a mask of 0 and 255. */
export function flooded({width, height, pixels}, x, y, reach) {
  const mask = new Uint8Array(width * height);
  const seed = 4 * (y * width + x);
  const alike = (at) =>
    mask[at] === 0 &&
    Math.abs(pixels[4 * at] - pixels[seed]) <= reach &&
    Math.abs(pixels[4 * at + 1] - pixels[seed + 1]) <= reach &&
    Math.abs(pixels[4 * at + 2] - pixels[seed + 2]) <= reach;
  const waiting = [seed / 4];
  while (waiting.length) {
    let at = waiting.pop();
    if (!alike(at)) continue;
    const row = at - (at % width);
    while (at > row && alike(at - 1)) at--;
    for (let up = false, down = false; at < row + width && alike(at); at++) {
      mask[at] = 255;
      const above = row > 0 && alike(at - width);
      const below = row + width < mask.length && alike(at + width);
      if (above && !up) waiting.push(at - width);
      if (below && !down) waiting.push(at + width);
      [up, down] = [above, below];
    }
  }
  return mask;
}

/** All of a picture blurred: three running means, which are nearly a Gaussian. */
export function blurred({width, height, pixels}, radius) {
  let from = pixels.slice();
  let to = new Uint8ClampedArray(from.length).fill(255);
  const reach = Math.max(1, Math.round(radius / 2));
  for (let pass = 0; pass < 3; pass++) {
    running(from, to, height, width, 4 * width, 4, reach);
    running(to, from, width, height, 4, 4 * width, reach);
  }
  return from;
}

/** The box between two corners, at least a pixel wide, within the picture. */
export function between({width, height}, [x, y], [otherX, otherY]) {
  const span = (a, b, most) => {
    const first = Math.min(Math.max(Math.round(Math.min(a, b)), 0), most - 1);
    return [first, Math.max(Math.min(Math.round(Math.max(a, b)), most), first + 1)];
  };
  const [left, right] = span(x, otherX, width);
  const [top, bottom] = span(y, otherY, height);
  return {left, top, right, bottom};
}

/** The smallest box around two, either of which may be null. */
export const around = (one, other) =>
  one && other
    ? {
        left: Math.min(one.left, other.left),
        top: Math.min(one.top, other.top),
        right: Math.max(one.right, other.right),
        bottom: Math.max(one.bottom, other.bottom),
      }
    : one ?? other;

/** What a box of a picture holds, with so many channels. */
export function cut({width, pixels}, {left, top, right, bottom}, channels = 4) {
  const held = new Uint8ClampedArray((right - left) * (bottom - top) * channels);
  let to = 0;
  for (let y = top; y < bottom; y++)
    for (let at = 4 * (y * width + left); at < 4 * (y * width + right); at += 4)
      for (let channel = 0; channel < channels; channel++) held[to++] = pixels[at + channel];
  return held;
}

/** Lay back what `cut` gave with four channels. */
export function laid({width, pixels}, {left, top, right, bottom}, held) {
  const row = 4 * (right - left);
  for (let y = top; y < bottom; y++)
    pixels.set(held.subarray((y - top) * row, (y - top + 1) * row), 4 * (y * width + left));
}

const within = (value, size) => Math.min(Math.max(Math.floor(value), 0), size - 1);

/** Cover what lies between two points: a line with round ends, as thick as the pen was pressed. */
function joined(work, [x, y, pressure], [endX, endY, endPressure]) {
  const {picture, mask, stroke} = work;
  const {width, height} = picture;
  const [radius, endRadius] = [pressure, endPressure].map((each) => (stroke.size / 2) * each);
  const most = Math.max(radius, endRadius) + 1;
  const box = {
    left: Math.max(Math.floor(Math.min(x, endX) - most), 0),
    top: Math.max(Math.floor(Math.min(y, endY) - most), 0),
    right: Math.min(Math.ceil(Math.max(x, endX) + most), width),
    bottom: Math.min(Math.ceil(Math.max(y, endY) + most), height),
  };
  if (box.left >= box.right || box.top >= box.bottom) return null;
  const [alongX, alongY] = [endX - x, endY - y];
  const length = alongX * alongX + alongY * alongY;
  for (let row = box.top; row < box.bottom; row++) {
    for (let column = box.left; column < box.right; column++) {
      const [fromX, fromY] = [column + 0.5 - x, row + 0.5 - y];
      const part = length ? (fromX * alongX + fromY * alongY) / length : 0;
      const t = Math.min(Math.max(part, 0), 1);
      const apart = Math.hypot(fromX - t * alongX, fromY - t * alongY);
      const cover = 255 * (radius + t * (endRadius - radius) - apart + 0.5);
      const at = row * width + column;
      if (cover > mask[at]) mask[at] = Math.min(cover, 255);
    }
  }
  mixed(work, box, mask);
  return box;
}

/** Mix a stroke's source into the picture where the mask covers it, and widen what changed. */
function mixed(work, box, mask) {
  const {picture: {width, pixels}, before, source, color} = work;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const at = y * width + x;
      if (!mask[at]) continue;
      for (let channel = 0; channel < 3; channel++) {
        const old = before[4 * at + channel];
        const other = source ? source[4 * at + channel] : color[channel];
        pixels[4 * at + channel] = old + ((other - old) * mask[at]) / 255;
      }
    }
  }
  work.rect = around(work.rect, box);
}

/** The mean colour of all that is outside a box, or of the whole where nothing is. */
function meanOutside({width, height, pixels}, box) {
  const whole = (box.right - box.left) * (box.bottom - box.top) === width * height;
  const sums = [0, 0, 0];
  let count = 0;
  for (let y = 0; y < height; y++) {
    const inRow = !whole && y >= box.top && y < box.bottom;
    for (let x = 0; x < width; x++) {
      if (inRow && x >= box.left && x < box.right) continue;
      for (let channel = 0; channel < 3; channel++)
        sums[channel] += pixels[4 * (y * width + x) + channel];
      count++;
    }
  }
  return sums.map((sum) => Math.round(sum / count));
}

/** The running mean over 2 `reach` + 1 values of each line; what lies outside is as the edge. */
function running(from, to, lines, length, lineStep, step, reach) {
  const size = 2 * reach + 1;
  for (let line = 0; line < lines; line++) {
    for (let channel = 0; channel < 3; channel++) {
      const start = line * lineStep + channel;
      const value = (at) => from[start + Math.min(Math.max(at, 0), length - 1) * step];
      let sum = 0;
      for (let at = -reach; at <= reach; at++) sum += value(at);
      for (let at = 0; at < length; at++) {
        to[start + at * step] = sum / size;
        sum += value(at + reach + 1) - value(at - reach);
      }
    }
  }
}
