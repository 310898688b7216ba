// A pile in front, to be named, and the others below it.
import { html } from "../vendor/preact.js";
import { thumbnail } from "../api.js";
import { t } from "../words.js";
import { Sheet } from "./sheet.js";

const guessed = ({ label, how }) => (how === "none" ? "?" : label);

export function Pile({ items, now, go, act, said, pile, piles, naming }) {
  const shown = now.ids.map((id) => ({ ...items.get(id), said: said(items.get(id)), note: guessed(items.get(id)) }));
  const title = (one) => (one.number ? t("label.pile", { number: piles.indexOf(one) + 1, count: one.ids.length }) : t("label.apart", { count: one.ids.length }));
  const others = piles.filter((one) => one.number && one !== pile);
  const more = pile.ids.length - shown.length;
  return html`
    <section class="front-one" aria-label=${title(pile)}>
      <div class="head">
        <h2 aria-live="polite">${title(pile)}</h2>
        ${more > 0 && html`<span class="soft">${t("label.most_typical", { count: shown.length, more })}</span>`}
        <button class="main" onClick=${() => naming("")}>${t("label.name_pile")} <kbd>Enter</kbd></button>
        <button onClick=${() => act.leave()} disabled=${now.at < 0}>${t("label.leave")}</button>
        <button onClick=${act.aside}>${t("label.set_aside")} <kbd>X</kbd></button>
        ${pile.number > 0 && html`
          <select aria-label=${t("label.split")} value="" onChange=${(event) => act.split(Number(event.target.value))}>
            <option value="">${t("label.split")}</option>
            ${[2, 3, 4].filter((into) => into <= pile.ids.length).map((into) => html`<option key=${into} value=${into}>${t("label.into", { into })}</option>`)}
          </select>
          <select aria-label=${t("label.merge")} value="" onChange=${(event) => act.merge(Number(event.target.value))}>
            <option value="">${t("label.merge")}</option>
            ${others.map((one) => html`<option key=${one.number} value=${one.number}>${title(one)}${one.number === pile.alike ? t("label.most_alike") : ""}</option>`)}
          </select>`}
        <button onClick=${() => act.skip(1)}>${t("label.next")} <kbd>.</kbd></button>
      </div>
      <${Sheet} name=${title(pile)} items=${shown} marks=${now.marks} at=${now.at} go=${go} click=${(at) => act.leave(at, 0)} />
      <div class="strip" role="group" aria-label=${t("label.piles")}>
        ${piles.map((one) => html`
          <button key=${one.number} class="stack" aria-current=${one === pile ? "true" : null} aria-label=${title(one)}
            onClick=${() => act.skip(piles.indexOf(one) - piles.indexOf(pile))}>
            ${one.ids.slice(0, 4).map((id) => html`<img key=${id} alt="" loading="lazy" src=${thumbnail(items.get(id).picture)} />`)}
            <span>${one.ids.length}</span>
          </button>`)}
      </div>
    </section>
  `;
}
