// A sheet of small pictures, one of them in front; pictures on it can be marked.
import { html, useLayoutEffect, useRef } from "../vendor/preact.js";
import { thumbnail } from "../api.js";
import { useKeys } from "../keys.js";
import { t } from "../words.js";
import { moved } from "./queue.js";

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
const FEW = 12; // pictures that there is room for at a larger size

/**
 * `items` are {id, picture, said, note}, `marks` a Map of id -> {label}, {aside} or {later}; `at` is
 * which is in front, -1 for none. A click goes there and is told to `click`.
 */
export function Sheet({ name, items, marks, at, go, click }) {
  const list = useRef(null);
  const arrow = (event) => {
    const tiles = [...list.current.children];
    const columns = tiles.filter((one) => one.offsetTop === tiles[0].offsetTop).length;
    go(moved(at, event.key, tiles.length, columns));
  };
  useKeys([
    { keys: ARROWS, words: t("label.key_arrows"), act: arrow },
    { keys: ["Home", "End"], act: arrow },
  ]);
  const begun = useRef(false);
  useLayoutEffect(() => { // a new sheet is seen from its beginning, with the heading above it
    list.current.closest("main").scrollTo(0, 0);
  }, []);
  useLayoutEffect(() => { // before the next key comes, or an older place would call the newer one back
    if (!["INPUT", "SELECT"].includes(document.activeElement.tagName)) (list.current.children[at] || list.current).focus({ preventScroll: !begun.current });
    begun.current = true;
  }, [at]);
  return html`
    <div class=${`sheet ${items.length <= FEW ? "few" : ""}`} ref=${list} role="listbox" aria-label=${name} aria-multiselectable="true" tabindex=${at < 0 ? 0 : -1}>
      ${items.map(({ id, picture, said, note }, index) => {
        const mark = marks.get(id);
        const words = !mark ? said : mark.label || t(mark.aside ? "label.aside" : "label.later");
        return html`
          <div key=${id} role="option" class=${`leaf ${index === at ? "front" : ""} ${mark ? "marked" : ""}`}
            aria-selected=${!mark} tabindex=${index === at ? 0 : -1} aria-label=${`${picture.name}, ${words}`}
            onFocus=${() => index !== at && go(index)} onClick=${() => click(index)}>
            <img alt="" loading="lazy" src=${thumbnail(picture)} />
            ${mark ? html`<span class="mark">${words}</span>` : note && html`<span class="note">${note}</span>`}
          </div>
        `;
      })}
    </div>
  `;
}
