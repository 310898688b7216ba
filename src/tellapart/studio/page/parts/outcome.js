// What became of files that were brought in, apart from those that were added: one calm line, which
// opens onto every one of them with its reason.
import { html, useState } from "../vendor/preact.js";
import { t, theirs } from "../words.js";
import { Icon } from "./icon.js";
import { forget, KINDS, sentenceOf } from "./uploads.js";

const words = {
  refused: ({ name, reason }) => t("collect.reason", { name, reason }),
  copies: ({ name, there }) => t("collect.same", { name, there }),
  notes: (note) => note,
  left: (sentence) => sentence,
};

export function Outcome({ outcome }) {
  const [open, setOpen] = useState(false);
  const some = KINDS.filter((kind) => outcome[kind].length);
  if (!some.length) return null;
  return html`
    <div class="outcome">
      <details onToggle=${(event) => setOpen(event.target.open)}>
        <summary>${sentenceOf(outcome)}</summary>
        ${open &&
        some.map(
          (kind) => html`
            <section key=${kind}>
              ${some.length > 1 && html`<h3>${t(`collect.${kind}`, { count: outcome[kind].length })}</h3>`}
              <ul lang=${kind === "copies" ? null : theirs}>${outcome[kind].map((one) => html`<li>${words[kind](one)}</li>`)}</ul>
            </section>
          `,
        )}
      </details>
      <button class="quiet" aria-label=${t("shell.close")} onClick=${forget}><${Icon} name="close" /></button>
    </div>
  `;
}
