// One finding: its pictures in front, what was found, and the answers it takes, each with its key.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { file, thumbnail } from "../api.js";
import { useKeys } from "../keys.js";
import { store, update } from "../store.js";
import { number, percent, t } from "../words.js";
import { reasonOf } from "./said.js";
import { isPressing, Keyed, LabelDialog } from "./answers.js";

/** A picture that opens why it gets its label; of one that is not known, its name. */
function Picture({ id, whole = false, note = "" }) {
  const picture = store.pictures.get(id);
  if (!picture) return null;
  const said = [picture.name, picture.label, note].filter(Boolean).join(", ");
  return html`
    <figure>
      <a href=${`#/why/${id}`} aria-label=${said}><img src=${whole ? file(picture) : thumbnail(picture, 320)} alt="" /></a>
      <figcaption class="small">${picture.label}${note ? html` <span class="soft">${note}</span>` : null}</figcaption>
    </figure>
  `;
}

const Strip = ({ title, ids }) => html`
  <section class="strip" aria-label=${title}>
    <h4 class="small soft">${title}</h4>
    <div class="row">${ids.map((id) => html`<${Picture} key=${id} id=${id} />`)}</div>
  </section>
`;

function Pictures({ card }) {
  const { about, beside, sides, compared } = card;
  if (sides.length) return html`<div class="sides">${sides.map((ids, at) => html`<${Strip} key=${at} title=${t("mend.side", { n: at + 1 })} ids=${ids} />`)}</div>`;
  if (compared.length) {
    return html`
      <div class="compared">
        <${Picture} id=${about[0]} whole />
        <div class="others">
          ${compared.map(({ label, which, ids }) => html`<${Strip} key=${which} title=${t(`mend.such_${which}`, { label })} ids=${ids} />`)}
        </div>
      </div>
    `;
  }
  const stays = card.answers.some((one) => one.meaning === "suggested" && one.how === "drop") ? t("mend.stays") : "";
  const shown = [...about, ...beside];
  const few = shown.length <= 2;
  return html`
    <div class=${few ? "few" : "several"}>
      ${about.map((id) => html`<${Picture} key=${id} id=${id} whole=${few} />`)}
      ${beside.map((id) => html`<${Picture} key=${id} id=${id} whole=${few} note=${about.length ? stays : ""} />`)}
    </div>
    ${card.pictures > shown.length + card.names.length ? html`<p class="soft small">${t("mend.more", { n: card.pictures - shown.length })}</p>` : null}
  `;
}

const called = ({ meaning, how, value, ids, label }) => {
  if (meaning === "suggested") {
    if (how === "relabel") return t("mend.relabel_to", { label: value });
    return how === "group" ? t("mend.group") : t(ids.length > 1 ? "mend.drop_n" : "mend.drop", { n: ids.length });
  }
  return meaning === "label" ? t("mend.it_is", { label }) : t(`mend.${meaning.replace("-", "_")}`);
};

/** What a finding is, in a few words that every language has. */
export const titled = (card) =>
  t(`mend.title.${card.kind}`, { label: card.label || "", suggested: card.suggested || "", n: card.pictures });

/** Points of accuracy in words, by a key of them; nothing of what costs none. */
export const costs = (points, key) =>
  points < 0.05 ? "" : t(key, { n: Number(points.toFixed(1)), points: number(points, 1) });

/**
 * `decide(answer)` gives one of the card's answers, `skip()` leaves it for later; `focused` is whether the one before was answered, so that this one is read out.
 */
export function Card({ card, decide, skip, focused }) {
  const [asks, ask] = useState(null); // the pictures that a label is asked for
  const heading = useRef(null);
  const give = (answer) => (answer.how ? decide(answer) : ask(card.about));
  useEffect(() => {
    if (focused) heading.current.focus({ preventScroll: true });
  }, [card.key]);
  const first = card.about[0] || card.beside[0];
  const pressed = (event) => {
    if (isPressing(event)) return false;
    const key = event.key.toLowerCase();
    const half = card.halves[key - 1];
    if (half) return ask(half);
    const answer = card.answers.find((one) => one.keys.includes(key));
    return answer ? give(answer) : false;
  };
  useKeys([
    { keys: ["Enter", "y"], words: t("mend.suggested"), act: pressed },
    { keys: ["k", "n"], words: t("mend.keep"), act: pressed },
    { keys: ["l"], words: t("mend.other_label"), act: pressed },
    { keys: ["d"], words: t("mend.drop"), act: pressed },
    { keys: [..."123456789"], act: pressed },
    { keys: ["s"], words: t("mend.skip"), act: skip },
    { keys: ["o"], words: t("mend.why"), act: () => first && (location.hash = `#/why/${first}`) },
  ]);
  const reason = reasonOf(card);
  const cost = costs(card.cost, card.kind === "burst" ? "mend.too_high" : "mend.points");
  const named = (ids) => ids.map((id) => store.pictures.get(id)).filter(Boolean);
  const names = [...named(card.about).map((one) => one.name), ...card.names].slice(0, 4).join(", ");
  return html`
    <article class="finding">
      <${Pictures} card=${card} />
      <header>
        <h3 ref=${heading} tabindex="-1">${titled(card)}</h3>
        <p class="marks small">
          <span class=${card.sure ? "sure" : "unsure"}>${card.sure ? t("mend.sure") : t("mend.unsure", { percent: percent(card.score) })}</span>
          ${cost ? html`<span>${cost}</span>` : null}
          <span class="soft">${names}</span>
        </p>
        ${reason.text ? html`<p lang=${reason.lang}>${reason.text}</p>` : null}
        ${card.answers.length ? null : html`<p>${t(`mend.by_hand.${card.kind}`, { label: card.label || "" })}</p>`}
      </header>
      <div class="answers" role="group" aria-label=${t("mend.answers")}>
        ${card.answers.map((answer, at) => html`<${Keyed} key=${answer.meaning + answer.label} letter=${answer.keys[0]} main=${answer.meaning === "suggested" || (answer.label && answer.label === card.suggested)} press=${() => give(answer)}>${called(answer)}</${Keyed}>`)}
        ${card.halves.map((ids, at) => html`<${Keyed} key=${at} letter=${String(at + 1)} press=${() => ask(ids)}>${t("mend.part_off", { side: at + 1, n: ids.length })}</${Keyed}>`)}
        ${card.kind === "imbalance" ? html`<button onClick=${() => update({ capture: { label: card.label } })}>${t("mend.capture", { label: card.label })}</button>` : null}
        <${Keyed} letter="s" press=${skip}>${t("mend.skip")}</${Keyed}>
      </div>
      ${asks ? html`<${LabelDialog} close=${() => ask(null)} choose=${(label) => decide({ how: "relabel", value: label, ids: asks })} />` : null}
    </article>
  `;
}
