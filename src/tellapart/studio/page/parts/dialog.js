// What opens over the page, and closes by Escape, by its button, or by a click beside it.
import { html, useEffect, useRef } from "../vendor/preact.js";
import { useCover } from "../keys.js";
import { store, update } from "../store.js";
import { t } from "../words.js";
import { Icon } from "./icon.js";
import { Messages } from "./messages.js";

export function Dialog({ title, close, children, wide = false }) {
  const element = useRef(null);
  const level = useRef(store.dialogs + 1).current;
  useCover();
  useEffect(() => {
    const before = document.activeElement;
    const shown = element.current;
    shown.showModal();
    update({ dialogs: store.dialogs + 1 });
    return () => {
      update({ dialogs: store.dialogs - 1 });
      shown.close(); // what lies under an open one takes no focus
      before?.focus?.();
    };
  }, []);
  const beside = (event) => event.target === element.current && close();
  // Who shows it takes it away: the browser's own closing would be told later, of one opened since.
  const escaped = (event) => {
    if (event.target !== element.current) return; // a file chooser's
    event.preventDefault();
    close();
  };
  const shut = (event) => event.target === element.current && !element.current.open && close();
  return html`
    <dialog ref=${element} class=${wide ? "wide" : ""} aria-label=${title} onCancel=${escaped} onClose=${shut} onClick=${beside}>
      <header>
        <h2>${title}</h2>
        <button class="quiet" aria-label=${t("shell.close")} onClick=${close}><${Icon} name="close" /></button>
      </header>
      <div class="inside">${children}</div>
      <${Messages} level=${level} />
    </dialog>
  `;
}
