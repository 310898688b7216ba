// One picture large, what the model would call it, and what comes next.
import { html } from "../vendor/preact.js";
import { file, thumbnail } from "../api.js";
import { useKeys } from "../keys.js";
import { t } from "../words.js";

/** Whether there is a label to accept; "none of these" is none. */
export const accepts = (one) => Boolean(one?.label) && one.how !== "none";

export function Single({ items, now, go, act, said, suggestion: one }) {
  const by = (step) => go(Math.max(0, Math.min(now.ids.length - 1, now.at + step)));
  useKeys([
    { keys: ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"], words: t("label.key_arrows"),
      act: (event) => by(["ArrowRight", "ArrowDown"].includes(event.key) ? 1 : -1) },
  ]);
  return html`
    <section class="front-one" aria-label=${t("label.one")}>
      <figure class=${`large ${one.how}`}>
        <img alt=${one.name} src=${file(one.picture)} />
        <figcaption aria-live="polite"><span class="unseen">${one.name}: </span>${said(one)}</figcaption>
      </figure>
      <div class="head steps">
        <button aria-label=${t("label.back")} disabled=${now.at === 0} onClick=${() => by(-1)}>←</button>
        ${accepts(one) ? html`<button class="main" onClick=${act.accept}>${t("label.accept", { label: one.label })} <kbd>Enter</kbd></button>`
          : html`<p class="soft">${t("label.choose")}</p>`}
        <button onClick=${act.aside}>${t("label.set_aside")} <kbd>X</kbd></button>
        <button aria-label=${t("label.next")} disabled=${now.at === now.ids.length - 1} onClick=${() => by(1)}>→</button>
      </div>
      <div class="strip" role="group" aria-label=${t("label.coming")}>
        ${now.ids.map((id, index) => html`
          <button key=${id} class="stack one" aria-current=${index === now.at ? "true" : null} onClick=${() => go(index)}
            aria-label=${`${items.get(id).name}, ${said(items.get(id))}`}>
            <img alt="" src=${thumbnail(items.get(id).picture)} /><span>${items.get(id).how === "none" ? "?" : items.get(id).label}</span>
          </button>`)}
      </div>
    </section>
  `;
}
