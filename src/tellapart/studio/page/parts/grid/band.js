// Drawing a rectangle over pictures with the mouse; near an edge of what scrolls, that goes on.

const EDGE = 40; // pixels
const SPEED = 0.3; // of how far the pointer is beyond the edge, a frame

/**
 * Follow the pointer from a `pointerdown` on: `draw(rectangle)` gets it in what `scroller` scrolls,
 * with null at the end.
 */
export function follow(event, scroller, draw) {
  const box = scroller.getBoundingClientRect();
  const at = ({ clientX, clientY }) => ({
    x: clientX - box.left - scroller.clientLeft,
    y: clientY - box.top + scroller.scrollTop,
  });
  const from = at(event);
  let pointer = event;
  let frame = 0;

  function drawn() {
    const to = at(pointer);
    draw({
      left: Math.min(from.x, to.x),
      right: Math.max(from.x, to.x),
      top: Math.min(from.y, to.y),
      bottom: Math.max(from.y, to.y),
    });
  }
  function onward() {
    const below = pointer.clientY - (box.bottom - EDGE);
    const beyond = below > 0 ? below : Math.min(0, pointer.clientY - (box.top + EDGE));
    if (beyond) {
      scroller.scrollTop += beyond * SPEED;
      drawn();
    }
    frame = requestAnimationFrame(onward);
  }
  function move(next) {
    pointer = next;
    drawn();
  }
  function end() {
    cancelAnimationFrame(frame);
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", end);
    draw(null);
  }
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
  frame = requestAnimationFrame(onward);
}
