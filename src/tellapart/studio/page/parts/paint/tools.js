// The tools to paint with: which, how large, in which colour, and back.
import { html } from "../../vendor/preact.js";
import { t } from "../../words.js";
import { Icon } from "../icon.js";

const paths = {
  brush: "M14 6l4 4-8 8-5 1 1-5zM17 3l4 4",
  eraser: "M8 20l-5-5L14 4l6 6-9 10zM9 9l6 6M8 20h12",
  blur: "M12 3s6 7 6 11a6 6 0 0 1-12 0c0-4 6-11 6-11z",
  fill: "M5 11l7-7 7 7-7 7zM12 4V2M20 15s2 3 2 4a2 2 0 0 1-4 0c0-1 2-4 2-4z",
  hide: "M4 5h16v14H4zM4 12l7-7M4 19L18 5M11 19l9-9",
  pick: "M14 6l4 4M12 8l4 4-8 8H4v-4zM15 5l2-2 4 4-2 2",
};

/** What is painted with at first. */
export const firstTool = { tool: "brush", size: 24, color: [255, 255, 255] };

const hex = (color) => `#${color.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
const read = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

export function Tools({ tool, set, painting, undo, redo, reset }) {
  const strokes = painting ? [painting.done.length, painting.undone.length] : [0, 0];
  const button = (name, act, able) => html`
    <button title=${t(`paint.${name}`)} aria-label=${t(`paint.${name}`)} disabled=${!able} onClick=${act}><${Icon} name=${name} path=${paths[name]} /></button>
  `;
  return html`
    <div class="row tools" role="toolbar" aria-label=${t("paint.tools")}>
      ${Object.keys(paths).map(
        (name) => html`
          <button key=${name} title=${t(`paint.${name}`)} aria-label=${t(`paint.${name}`)} aria-pressed=${String(tool.tool === name)} onClick=${() => set({ tool: name })}>
            <${Icon} path=${paths[name]} />
          </button>
        `,
      )}
      <input type="color" aria-label=${t("paint.color")} title=${t("paint.color")} value=${hex(tool.color)} onInput=${(event) => set({ color: read(event.target.value) })} />
      <label>${t("paint.size")} <input type="range" min="2" max="200" value=${tool.size} onInput=${(event) => set({ size: Number(event.target.value) })} /></label>
      ${button("undo", undo, strokes[0])}${button("redo", redo, strokes[1])}
      <button class="quiet" disabled=${!(painting && painting.painted)} onClick=${reset}>${t("paint.reset")}</button>
    </div>
  `;
}
