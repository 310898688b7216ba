// The two-layer canvas: the picture below, what is painted above it, transparent elsewhere. Mouse, pen,
// touch and keys paint alike; the painting itself is arithmetic (`painting.js`).

import {colorAt} from "./strokes.js";

const DRAWN = new Set(["hide", "fill", "reset"]); // which change the picture only at their end

/** Let a person paint on `sheet`, an element that holds a canvas and a `.brush`.
 *
 * `tool()` gives {tool, size, color}; `told` has `changed(ended)`, `picked(color)` and
 * `sized(times)`. Gives back `show`, which draws a box of the painting again, `point`, which draws the
 * brush, and `end`. */
export function paintedOn(sheet, painting, tool, told) {
  const canvas = sheet.querySelector("canvas");
  const brush = sheet.querySelector(".brush");
  const {width, height} = painting.original;
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const listening = new AbortController();
  let place = [width / 2, height / 2];
  let start = null; // where the stroke under way began

  const show = (box) => {
    if (box) context.putImageData(layerOf(painting, box), box.left, box.top);
  };
  const point = () => {
    const {tool: name, size} = tool();
    const [x, y] = place;
    const box = start && name === "hide";
    const [left, right] = box ? [start[0], x].sort((a, b) => a - b) : [x - size / 2, x + size / 2];
    const [top, bottom] = box ? [start[1], y].sort((a, b) => a - b) : [y - size / 2, y + size / 2];
    const share = {left: left / width, top: top / height, right: right / width, bottom: bottom / height};
    for (const [edge, value] of Object.entries(share)) brush.style.setProperty(`--${edge}`, value);
    brush.dataset.tool = box ? "box" : name;
  };
  const begin = (pressure) => {
    const now = tool();
    if (now.tool === "pick") return told.picked(colorAt(painting.picture, ...place));
    start = place;
    show(painting.begin({...now}, [...place, pressure]));
    if (!DRAWN.has(now.tool)) told.changed(false);
  };
  const move = (pressure) => {
    const box = painting.move([...place, pressure]);
    show(box);
    if (box) told.changed(false);
  };
  const end = () => {
    if (!start) return;
    start = null;
    show(painting.end());
    point();
    told.changed(true);
  };
  const at = (event) => {
    const held = canvas.getBoundingClientRect();
    place = [
      ((event.clientX - held.left) / held.width) * width,
      ((event.clientY - held.top) / held.height) * height,
    ];
  };
  const pressed = ({pointerType, pressure}) => (pointerType === "pen" ? 2 * pressure : 1);
  const on = (name, handle) => sheet.addEventListener(name, handle, {signal: listening.signal});

  on("pointerdown", (event) => {
    if (event.button !== 0 || start) return;
    sheet.focus({preventScroll: true});
    sheet.setPointerCapture(event.pointerId);
    event.preventDefault();
    at(event);
    if (event.altKey) told.picked(colorAt(painting.picture, ...place));
    else begin(pressed(event));
    point();
  });
  on("pointermove", (event) => {
    if (start) {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) {
        at(one);
        move(pressed(one));
      }
    }
    at(event);
    point();
  });
  on("pointerup", end);
  on("pointercancel", end);
  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 1 : Math.max(1, tool().size / 4);
    const [across, down] = STEPS[event.key] ?? [0, 0];
    if (across || down) {
      place = [limited(place[0] + across * far, width), limited(place[1] + down * far, height)];
      if (start) move(1);
    } else if (event.key === " ") {
      if (!event.repeat && !start) begin(1);
    } else if (event.key === "+" || event.key === "=") told.sized(1.25);
    else if (event.key === "-") told.sized(0.8);
    else return;
    event.preventDefault();
    event.stopPropagation();
    point();
  });
  on("keyup", (event) => {
    if (event.key === " ") end();
  });
  on("blur", end);
  point();
  return {show, point, end: () => listening.abort()};
}

const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const limited = (value, most) => Math.min(Math.max(value, 0), most);

/** What lies above the picture in a box: what was changed, and nothing where nothing was. */
function layerOf({picture, original}, {left, top, right, bottom}) {
  const image = new ImageData(right - left, bottom - top);
  let to = 0;
  for (let y = top; y < bottom; y++) {
    for (let at = 4 * (y * picture.width + left); to < 4 * (y - top + 1) * (right - left); at += 4) {
      let differs = false;
      for (let channel = 0; channel < 3; channel++) {
        image.data[to + channel] = picture.pixels[at + channel];
        differs ||= picture.pixels[at + channel] !== original.pixels[at + channel];
      }
      image.data[to + 3] = differs ? 255 : 0;
      to += 4;
    }
  }
  return image;
}
