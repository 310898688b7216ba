// What the studio has to say for a moment, in a corner; a screen reader says it too.
import { html } from "../vendor/preact.js";
import { forget, useStore } from "../store.js";
import { t } from "../words.js";
import { Icon } from "./icon.js";

export function Messages() {
  const messages = useStore((all) => all.messages);
  return html`
    <div class="messages" role="status" aria-live="polite">
      ${messages.map(
        (one) => html`
          <div key=${one.id} class=${`message ${one.kind}`}>
            <p>${one.text}${one.hint && html`<br /><small>${one.hint}</small>`}</p>
            <button class="quiet" aria-label=${t("shell.close")} onClick=${() => forget(one.id)}>
              <${Icon} name="close" />
            </button>
          </div>
        `,
      )}
    </div>
  `;
}
