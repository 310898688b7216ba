// What the studio has to say for a moment, the newest in a line or two of its own below the page, where
// it covers nothing; a screen reader says it too.
import { html } from "../vendor/preact.js";
import { forget, useStore } from "../store.js";
import { t } from "../words.js";
import { Icon } from "./icon.js";

/** That of the page, or of the dialog over `level` - 1 others: nobody sees or reaches what is below the topmost. */
export function Messages({ level = 0 }) {
  const one = useStore((all) => (all.dialogs === level ? all.messages.at(-1) : null));
  return html`
    <div class="messages" role="status" aria-live="polite">
      ${one && html`
        <div key=${one.id} class=${`message ${one.kind}`}>
          <p>${one.text}${one.hint && ` ${one.hint}`}</p>
          <button class="quiet" aria-label=${t("shell.close")} onClick=${() => forget(one.id)}><${Icon} name="close" /></button>
        </div>`}
    </div>
  `;
}
