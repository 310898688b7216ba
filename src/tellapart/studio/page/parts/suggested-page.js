// A page of pictures that look like one label: the wrong ones are marked, and then all are accepted.
import { html } from "../vendor/preact.js";
import { percent, t } from "../words.js";
import { Sheet } from "./sheet.js";

export function Page({ items, now, go, act, said, labels }) {
  const shown = now.ids.map((id) => items.get(id)).map((one) => ({ ...one, said: said(one), note: percent(one.score, 0) }));
  const title = t(now.renamed ? "label.all_as" : "label.these", { count: shown.length, label: now.label });
  const right = shown.filter((one) => !now.marks.has(one.id)).length;
  return html`
    <section class="front-one" aria-label=${title}>
      <div class="head">
        <h2 aria-live="polite">${title}</h2>
        <button class="main" onClick=${act.accept}>${t("label.accept_all", { count: right })} <kbd>Enter</kbd></button>
        <button onClick=${() => act.leave()}>${t("label.leave")} <kbd>${t("label.space")}</kbd></button>
        <button onClick=${act.aside}>${t("label.set_aside")} <kbd>X</kbd></button>
        <select aria-label=${t("label.all_are")} value="" onChange=${(event) => act.rename(event.target.value)}>
          <option value="">${t("label.all_are")}</option>
          ${labels.filter((one) => one !== now.label).map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
        </select>
        <button onClick=${() => act.skip(1)}>${t("label.next")} <kbd>.</kbd></button>
      </div>
      <${Sheet} name=${title} items=${shown} marks=${now.marks} at=${now.at} go=${go} click=${(at) => act.leave(at, 0)} />
      <p class="soft small">${t("label.page_how")}</p>
    </section>
  `;
}
