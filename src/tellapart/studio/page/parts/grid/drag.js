// Dragging pictures, and files from outside, onto a label. What is dragged onto lights up.

const PICTURES = "application/x-tellapart-pictures";
const SHOWN = 3; // pictures under the pointer

let target = null;

function light(element) {
  if (target === element) return;
  target?.classList.remove("target");
  target = element;
  target?.classList.add("target");
}

/** A drag of pictures begins: their `images`, with how many there are, follow the pointer. */
export function beginDrag(event, ids, images) {
  event.dataTransfer.setData(PICTURES, JSON.stringify(ids));
  event.dataTransfer.effectAllowed = "move";
  const stack = document.createElement("div");
  stack.className = "dragged";
  for (const image of images.slice(0, SHOWN)) stack.append(image.cloneNode());
  const badge = document.createElement("span");
  badge.textContent = ids.length.toLocaleString();
  stack.append(badge);
  document.body.append(stack);
  event.dataTransfer.setDragImage(stack, 24, 24);
  setTimeout(() => stack.remove());
}

/** What makes an element a place to drop on: `pictures(ids)` of the grid, `files(dataTransfer)`. */
export function dropPlace({ pictures, files }) {
  const takes = ({ types }) =>
    types.includes(PICTURES) ? pictures && "move" : types.includes("Files") ? files && "copy" : "";
  return {
    onDragOver(event) {
      const effect = takes(event.dataTransfer);
      if (!effect) return;
      event.preventDefault();
      event.stopPropagation();
      event.dataTransfer.dropEffect = effect;
      light(event.currentTarget);
    },
    onDragLeave(event) {
      if (!event.currentTarget.contains(event.relatedTarget)) light(null);
    },
    onDrop(event) {
      light(null);
      if (!takes(event.dataTransfer)) return;
      event.preventDefault();
      event.stopPropagation();
      const ids = event.dataTransfer.getData(PICTURES);
      if (ids) pictures(JSON.parse(ids));
      else files(event.dataTransfer);
    },
  };
}

addEventListener("dragend", () => light(null));

// A file or a link that misses every place must not take the page away, as browsers have it.
for (const kind of ["dragover", "drop"])
  addEventListener(kind, (event) => {
    const { types } = event.dataTransfer;
    const isLink = types.includes("text/uri-list") && !event.target.closest?.("input, textarea");
    if (event.defaultPrevented || !(types.includes("Files") || isLink)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
