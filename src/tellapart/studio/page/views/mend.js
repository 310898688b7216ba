// Mend: what a check finds, what is taken for what, what is lacking, and what was decided.
import { html, useRef, useState } from "../vendor/preact.js";
import { post, thumbnail } from "../api.js";
import { useFresh } from "../fresh.js";
import { useKeys } from "../keys.js";
import { costs, Card } from "../parts/card.js";
import { Confusion } from "../parts/confusion.js";
import { ContactSheet } from "../parts/contact-sheet.js";
import { tellingOf } from "../parts/matrix.js";
import { attempt, store, update, useStore } from "../store.js";
import { adapted, percent, t, theirs } from "../words.js";

const parts = ["findings", "confusion", "gaps", "decided"];

/** A part of the address as it was before it went there; "" where somebody wrote it who spells otherwise. */
function decoded(part = "") {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

export function Mend({ rest }) {
  const at = parts.includes(rest[0]) ? rest[0] : "findings";
  const [found, change] = useFresh("/api/mend", ["mend", "folder"]);
  return html`
    <div class="mend">
      <header class="above">
        <nav class="parts" aria-label=${t("mend.parts")}>
          ${parts.map((one) => html`<a key=${one} href=${`#/mend/${one}`} aria-current=${one === at ? "page" : null}>${t(`mend.${one}`)}</a>`)}
        </nav>
        <${Moved} />
      </header>
      ${at === "findings" ? html`<${Findings} found=${found} change=${change} />` : null}
      ${at === "confusion" ? html`<${Confused} key=${rest[1]} label=${decoded(rest[1])} />` : null}
      ${at === "gaps" ? html`<${Lacking} />` : null}
      ${at === "decided" ? html`<${Decisions} />` : null}
    </div>
  `;
}

/** How the score has moved with the last training: the one that the bar on top tells. */
function Moved() {
  const training = useStore((all) => all.training);
  if (typeof training.value !== "number") return null;
  const [low, high] = training.interval;
  const one = ({ before, now, luck }) => {
    const moved = before !== null && before !== now;
    return html`
      ${moved ? html`<span>${percent(before)} → </span>` : null}
      <strong class=${moved && !luck ? (now > before ? "better" : "worse") : ""}>${percent(now)}</strong>
      ${moved && luck ? html`${" "}<span class="soft small" title=${t("mend.luck_why")}>${t("mend.luck")}</span>` : null}
    `;
  };
  const [first, ...others] = training.moved;
  return html`
    <p class="moved" role="status" aria-live="polite">
      <span class="soft small">${t("mend.right")}</span>${" "}${one(first)}${" "}
      <span class="soft small">${t("mend.interval", { low: percent(low), high: percent(high) })}</span>
      ${others.map((other) => html`${" "}<span class="small" key=${other.name}><span class="soft">${t(`train.judged_short.${other.name}`)}:</span> ${one(other)}</span>`)}
      ${training.doing || training.waiting ? html`${" "}<span class="soft small">${t("mend.again_soon")}</span>` : null}
    </p>
  `;
}

function Findings({ found, change }) {
  useStore();
  const missing = useStore((all) => all.training.missing);
  const [chosen, choose] = useState("");
  const [key, hold] = useState("");
  const [trail, leave] = useState([]); // cards dealt with here, the last one last: {key, skipped}
  const began = useRef(false); // somebody answers, so the next card is read out
  const [sent, send] = useState([]); // keys of the cards whose answer is under way
  const undo = () => {
    const last = trail[trail.length - 1];
    if (!last) return; // nothing was answered here: what Collect did is undone by Z
    began.current = true;
    leave(trail.slice(0, -1));
    hold(last.key);
    if (last.skipped) change("/api/mend/skip", { key: last.key, back: true });
    else change("/api/undo", {}, false);
  };
  useKeys([{ keys: ["u"], words: t("mend.back"), act: undo }]);
  if (missing) return html`<p class="empty">${t("mend.not_trained")}</p>`;
  if (!found) return html`<p class="empty">${t("mend.opening")}</p>`;
  const groups = found.groups;
  const kind = groups.some((one) => one.kind === chosen) ? chosen : "";
  const cards = found.cards.filter((one) => !sent.includes(one.key) && (!kind || one.kind === kind));
  // one that undo brought back; else the one in hand; else the first
  const back = [...trail].reverse().find((one) => !one.skipped && cards.some((card) => card.key === one.key));
  const card = cards.find((one) => one.key === (back ? back.key : key)) || cards[0];
  const dealt = async (path, body, skipped) => {
    began.current = true;
    const next = cards[cards.indexOf(card) + 1] || cards[0];
    leave([...trail.filter((one) => one.key !== card.key), { key: card.key, skipped }]);
    hold(next.key);
    send((keys) => [...keys, card.key]);
    await change(path, { ...body, key: card.key });
    send((keys) => keys.filter((one) => one !== card.key));
  };
  const decide = ({ ids, how, value }) => dealt("/api/mend/decide", { ids, how, value }, false);
  const skip = () => dealt("/api/mend/skip", {}, true);
  const busy = found.doing === "check";
  return html`
    <section class="findings" aria-label=${t("mend.findings")}>
      ${found.trouble ? html`<p class="notice" role="alert">${found.trouble.detail}<br /><small>${found.trouble.hint}</small></p>` : null}
      ${busy ? html`<p class="soft" role="status">${t("mend.checking")} <progress aria-label=${t("mend.checking")} max=${found.total || 1} value=${found.done}></progress></p>` : null}
      ${groups.length
        ? html`
            <div class="kinds" role="group" aria-label=${t("mend.kinds")}>
              <button aria-pressed=${!kind} onClick=${() => choose("")}>${t("mend.all_kinds")} <span class="soft">${found.to_answer}</span></button>
              ${groups.map(
                (one) => html`
                  <button key=${one.kind} aria-pressed=${kind === one.kind} onClick=${() => choose(one.kind)}>
                    ${t(`mend.kind.${one.kind}`)} <span class="soft">${[one.count, costs(one.cost, "mend.short_points")].filter(Boolean).join(", ")}</span>
                  </button>
                `,
              )}
              ${found.sure ? html`<button onClick=${() => change("/api/mend/apply")}>${t("mend.apply_sure", { n: found.sure })}</button>` : null}
            </div>
          `
        : null}
      ${card ? html`<${Card} key=${card.key} card=${card} decide=${decide} skip=${skip} focused=${began.current} />` : null}
      ${!card && found.checked !== null && !busy ? html`<p class="empty">${t(found.skipped ? "mend.rest_skipped" : "mend.nothing", { n: found.skipped, checked: found.checked })}</p>` : null}
      ${found.rest ? html`<p class="soft" lang=${theirs}>${adapted(found.rest)}</p>` : null}
      ${found.checked !== null ? html`<p class="again"><button disabled=${busy} onClick=${() => change("/api/mend/again")}>${t("mend.again")}</button> <small class="soft" lang=${theirs}>${adapted(found.worth)}</small></p>` : null}
    </section>
  `;
}

/** What is taken for what; `label` is one whose pictures are shown at once. */
function Confused({ label }) {
  const [of, choose] = useState("");
  const [chosen, show] = useState(null);
  const [found] = useFresh(`/api/mend/matrix?of=${encodeURIComponent(of)}`, ["training"]);
  if (!found) return html`<p class="empty">${t("mend.opening")}</p>`;
  if (!found.trained) return html`<p class="empty">${t("mend.not_trained")}</p>`;
  const open = chosen || tellingOf(found.cells, found.labels.indexOf(label));
  const named = open && { label: found.labels[open.label], predicted: found.labels[open.predicted] };
  return html`
    <section class="confused" aria-label=${t("mend.confusion")}>
      <p class="kinds">
        ${found.judged.map((one) => html`<button key=${one} aria-pressed=${found.of === one} title=${t(`train.judged_exact.${one}`)} onClick=${() => (choose(one), show(null))}>${t(`train.judged_short.${one}`)}</button>`)}
        <span class="soft">${t("mend.right_of", { percent: percent(found.accuracy.accuracy), n: found.accuracy.n })}</span>
      </p>
      <${Confusion} found=${found} open=${open} choose=${show} />
      ${named && named.label ? html`<${Cell} key=${`${found.of} ${named.label} ${named.predicted}`} of=${found.of} cell=${open} ...${named} />` : null}
    </section>
  `;
}

function Cell({ of, cell, label, predicted }) {
  const query = new URLSearchParams({ of, label, predicted });
  const [found] = useFresh(`/api/mend/cell?${query}`, []);
  if (!found) return null;
  const wrong = label !== predicted;
  const title = t(wrong ? "mend.cell_wrong" : "mend.cell_right", { n: found.n, label, predicted });
  const decide = (id, how, value) => attempt(() => post("/api/mend/decide", { ids: [id], how, value }));
  return html`
    <section aria-label=${title}>
      <h3>${title}</h3>
      <p class="soft small">${t(wrong ? "mend.surest_first" : "mend.least_sure_first")}</p>
      <${ContactSheet} pictures=${found.pictures} suggested=${wrong ? predicted : ""} decide=${decide} />
    </section>
  `;
}

function Lacking() {
  const [found] = useFresh("/api/mend/gaps", ["training"]);
  if (!found) return html`<p class="empty">${t("mend.opening")}</p>`;
  if (!found.trained) return html`<p class="empty">${t("mend.not_trained")}</p>`;
  const sheet = (one, at) => html`
    <article key=${at} class="gap">
      <header>
        <div>
          <h3>${t("mend.gap", { label: one.label, n: one.add })}</h3>
          <p lang=${theirs}>${adapted(one.words)} <span class="soft">${adapted(one.worth)}</span></p>
        </div>
        <button onClick=${() => update({ capture: { label: one.label } })}>${t("mend.capture", { label: one.label })}</button>
      </header>
      <${ContactSheet} pictures=${one.pictures} />
    </article>
  `;
  return html`
    <section class="gaps" aria-label=${t("mend.gaps")}>
      <p class="soft">${found.tested === null ? t("mend.gaps_untested") : t("mend.gaps_tested", { learnt: found.learnt, tested: found.tested, subgroups: found.subgroups })}</p>
      ${found.advice.map(sheet)}
      ${found.advice.length ? null : html`<p>${t(found.maybe.length ? "mend.no_sure_gaps" : "mend.no_gaps")}</p>`}
      ${found.maybe.length ? html`<h3>${t("mend.maybe")}</h3><p class="soft small">${t("mend.maybe_why")}</p>${found.maybe.map(sheet)}` : null}
    </section>
  `;
}

const said = (one) => (one.decision === "relabel" ? `${one.old_label} → ${one.new_label}` : t(`mend.became_${one.decision}`, { group: one.new_label }));

function Decisions() {
  useStore();
  const [found, change] = useFresh("/api/mend/decided", ["folder"]);
  if (!found) return html`<p class="empty">${t("mend.opening")}</p>`;
  const aside = [...store.pictures.values()].filter((one) => one.part === "aside");
  const small = (picture) => (picture ? html`<a href=${`#/why/${picture.id}`} aria-label=${picture.name}><img src=${thumbnail(picture)} alt="" loading="lazy" /></a>` : html`<span></span>`);
  return html`
    <section class="decisions" aria-label=${t("mend.decided")}>
      <p class="soft">${t("mend.decided_what")}</p>
      ${found.to_move ? html`<p><button onClick=${() => change("/api/mend/carry-out")}>${t("mend.carry_out", { n: found.to_move })}</button> <small class="soft">${t("mend.carry_out_what")}</small></p>` : null}
      ${found.decisions.length ? null : html`<p class="empty">${t("mend.none_decided")}</p>`}
      <ul>
        ${found.decisions.map(
          (one) => html`
            <li key=${`${one.path} ${one.when}`}>
              ${small(store.pictures.get(one.id))}
              <div><strong>${said(one)}</strong><br /><span class="soft small">${one.path}${one.why && t(`mend.kind.${one.why}`) !== `mend.kind.${one.why}` ? `, ${t(`mend.kind.${one.why}`)}` : ""}</span></div>
              ${one.carried_out
                ? html`<span class="soft small">${t("mend.carried_out")}</span>`
                : html`<button aria-label=${t("mend.take_back_of", { name: one.path })} onClick=${() => change("/api/mend/take-back", { path: one.path, sha256: one.sha256, decision: one.decision })}>${t("mend.take_back")}</button>`}
            </li>
          `,
        )}
      </ul>
      ${aside.length
        ? html`
            <h3>${t("mend.aside")}</h3>
            <ul>
              ${aside.map(
                (one) => html`
                  <li key=${one.id}>
                    ${small(one)}
                    <div class="soft small">${one.name}</div>
                    <button aria-label=${t("mend.bring_back_of", { name: one.name })} onClick=${() => attempt(() => post("/api/label", { ids: [one.id], label: "" }))}>${t("mend.bring_back")}</button>
                  </li>
                `,
              )}
            </ul>
          `
        : null}
    </section>
  `;
}
