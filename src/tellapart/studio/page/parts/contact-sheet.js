// Pictures in a grid, one of them in hand: arrows go on, and keys say what is to be done with it.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { thumbnail } from "../api.js";
import { useKeys } from "../keys.js";
import { store, useStore } from "../store.js";
import { percent, t } from "../words.js";
import { isPressing, Keyed, LabelDialog } from "./answers.js";

/** What has become of a picture, in a word or two; empty if nothing was decided. */
export const became = (picture) =>
  picture.decided === "relabel" ? t("mend.is_now", { label: picture.label }) : picture.decided ? t(`mend.became_${picture.decided}`) : "";

/**
 * pictures: [{id, score, predicted}]; `suggested` is what Enter relabels to, if anything; `decide` is
 * called with (id, how, value), and without it nothing can be decided here.
 */
export function ContactSheet({ pictures, suggested, decide }) {
  useStore();
  const there = pictures.filter((one) => store.pictures.has(one.id));
  const [inHand, take] = useState(0);
  const [asks, ask] = useState(false);
  const sheet = useRef(null);
  const at = Math.min(inHand, there.length - 1);
  const picture = there.length ? store.pictures.get(there[at].id) : null;
  const go = (to) => {
    const next = Math.max(0, Math.min(there.length - 1, to));
    take(next);
    sheet.current.querySelectorAll("a")[next].focus();
  };
  const across = () => {
    const places = [...sheet.current.querySelectorAll("li")].map((one) => one.offsetTop);
    return Math.max(1, places.filter((top) => top === places[0]).length);
  };
  const moved = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across(), ArrowDown: across() }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    go(at + step);
  };
  const say = (how, value = "") => {
    if (!picture) return;
    decide(picture.id, how, value);
    if (at < there.length - 1) go(at + 1);
  };
  const suits = Boolean(decide && picture && suggested && picture.label !== suggested);
  const heard = (act) => (event) =>
    !picture || (isPressing(event) && !sheet.current.contains(event.target)) ? false : act();
  useKeys(!decide ? [] : [
    { keys: ["Enter", "y"], act: heard(() => (suits ? say("relabel", suggested) : suggested ? undefined : false)) },
    { keys: ["k", "n"], act: heard(() => say("keep")) },
    { keys: ["d"], act: heard(() => say("drop")) },
    { keys: ["l"], act: heard(() => ask(true)) },
    { keys: ["o"], act: () => picture && (location.hash = `#/why/${picture.id}`) },
  ]);
  useEffect(() => take(0), [pictures]);
  if (!there.length) return html`<p class="soft">${t("mend.no_pictures")}</p>`;
  return html`
    ${decide
      ? html`
          <div class="answers" role="group" aria-label=${t("mend.about", { name: picture.name })}>
            ${suggested ? html`<${Keyed} letter="enter" main disabled=${!suits} press=${() => say("relabel", suggested)}>${t("mend.relabel_to", { label: suggested })}</${Keyed}>` : null}
            <${Keyed} letter="k" press=${() => say("keep")}>${t("mend.keep")}</${Keyed}>
            <${Keyed} letter="l" press=${() => ask(true)}>${t("mend.other_label")}</${Keyed}>
            <${Keyed} letter="d" press=${() => say("drop")}>${t("mend.drop")}</${Keyed}>
            <a class="button" href=${`#/why/${picture.id}`}>${t("mend.why")} <kbd aria-hidden="true">O</kbd></a>
          </div>
        `
      : null}
    <ul class="sheet" ref=${sheet} onKeyDown=${moved}>
      ${there.map((one, index) => {
        const each = store.pictures.get(one.id);
        const said = [each.name, each.label, one.score !== undefined && percent(one.score), became(each)].filter(Boolean).join(", ");
        return html`
          <li key=${one.id} class=${each.decided ? "decided" : ""}>
            <a
              href=${`#/why/${one.id}`} aria-label=${said} aria-current=${decide && index === at ? "true" : null}
              tabindex=${index === at ? 0 : -1} onFocus=${() => take(index)}
            ><img src=${thumbnail(each)} alt="" loading="lazy" /></a>
            <small>${one.score !== undefined ? percent(one.score) : one.predicted && one.predicted !== each.label ? t("mend.taken_for", { label: one.predicted }) : ""}</small>
            ${each.decided ? html`<small class="became">${became(each)}</small>` : null}
          </li>
        `;
      })}
    </ul>
    ${asks ? html`<${LabelDialog} close=${() => ask(false)} choose=${(label) => say("relabel", label)} />` : null}
  `;
}
