// Typing the name of a label, with completion.
import { html, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { t } from "../words.js";
import { completions } from "./queue.js";

/** `begun` is what was typed already; `done(label)` is called with the name, or with null. */
export function Namer({ begun, labels, done }) {
  const [text, write] = useState(begun);
  const [at, go] = useState(0);
  const input = useRef(null);
  useLayoutEffect(() => { // before the next key comes
    input.current.focus();
    input.current.setSelectionRange(begun.length, begun.length);
  }, []);
  const name = text.trim();
  const found = completions(text, labels);
  const options = name && !found.some((one) => one === name) ? [...found, name] : found;
  const key = (event) => {
    if (event.key === "Enter" && !event.isComposing) done(options[at] || null);
    else if (event.key === "Escape") done(null);
    else if (event.key === "ArrowDown") go(Math.min(at + 1, options.length - 1));
    else if (event.key === "ArrowUp") go(Math.max(at - 1, 0));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const typed = (event) => {
    write(event.target.value);
    go(0);
  };
  return html`
    <div class="namer">
      <input ref=${input} value=${text} onInput=${typed} onKeyDown=${key} role="combobox" aria-label=${t("label.name")}
        placeholder=${t("label.name")} aria-expanded=${options.length > 0} aria-controls="labels-found" autocomplete="off"
        aria-activedescendant=${options.length ? `label-${at}` : null} spellcheck=${false} />
      <ul id="labels-found" role="listbox" aria-label=${t("label.labels")}>
        ${options.map(
          (one, index) => html`
            <li key=${one} id=${`label-${index}`} role="option" aria-selected=${index === at} onClick=${() => done(one)}>
              ${labels.includes(one) ? one : t("label.new", { name: one })}
            </li>
          `,
        )}
      </ul>
    </div>
  `;
}
