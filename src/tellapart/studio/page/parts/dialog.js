// What opens over the page, and closes by Escape, by its button, or by a click beside it.
import { html, useEffect, useRef } from "../vendor/preact.js";
import { t } from "../words.js";
import { Icon } from "./icon.js";

export function Dialog({ title, close, children, wide = false }) {
  const element = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    return () => before && before.focus && before.focus();
  }, []);
  const beside = (event) => event.target === element.current && close();
  return html`
    <dialog ref=${element} class=${wide ? "wide" : ""} aria-label=${title} onClose=${close} onClick=${beside}>
      <header>
        <h2>${title}</h2>
        <button class="quiet" aria-label=${t("shell.close")} onClick=${close}><${Icon} name="close" /></button>
      </header>
      <div class="inside">${children}</div>
    </dialog>
  `;
}
