// Train: is it enough, how good it is, how sure, what more would bring, and with which quality.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { get, post } from "../api.js";
import { CoverageChart } from "../parts/charts/coverage.js";
import { History } from "../parts/charts/history.js";
import { LearningChart } from "../parts/charts/learning.js";
import { doingWords, enoughWords, missingWords } from "../parts/enough.js";
import { above, scoreAt, strictnessOf, total, wilson } from "../parts/curves.js";
import { attempt, update, useStore } from "../store.js";
import { number, percent, t, theirs } from "../words.js";

/** Ask for something of the training; how it stands then is shown at once. */
async function ask(what, values) {
  const training = await attempt(() => post(`/api/training/${what}`, values));
  if (training) update({ training });
}

const named = (name) => t(`train.judged.${name}`);
const shortly = (name) => t(`train.judged_short.${name}`);
const exactly = (name) => t(`train.judged_exact.${name}`);

let kept = null; // of the newest training, so that the view is there at once when it opens again

export function Train() {
  const training = useStore((all) => all.training);
  const [found, take] = useState(kept);
  const idle = !training.doing && !training.waiting;
  useEffect(() => {
    const stop = new AbortController();
    attempt(() => get("/api/training", stop.signal)).then((all) => all && take((kept = all)));
    return () => stop.abort();
  }, [training.round, training.missing === null, idle]);
  const result = found && found.result;
  return html`
    <div class="train">
      <${Answer} training=${training} history=${found ? found.history : []} judged=${result ? result.judged : []} />
      ${result && html`
        <${Sure} key=${result.digest} judged=${result.judged} training=${training} />
        ${result.learning && html`
          <section>
            <h2>${t("train.more_title")}</h2>
            <p lang=${theirs}>${result.learning.words}</p>
            ${result.learning.points.length > 1 && html`<${LearningChart} learning=${result.learning} />`}
          </section>
        `}
        <${Labels} result=${result} />
      `}
      <${Quality} training=${training} />
      ${found && html`<${Notes} result=${result} skipped=${found.skipped} unlabelled=${found.unlabelled} />`}
    </div>
  `;
}

/** The answer to "have I done enough?", the score, and what is being done. */
function Answer({ training, history, judged }) {
  const tested = useStore((all) => all.labels.some((one) => one.test));
  const held = judged.find((one) => one.n && one.name === "held out");
  const others = judged.filter((one) => one.n && one.name !== training.judged);
  const lacking = training.missing ? missingWords(training.missing) : null;
  const said = lacking || (training.enough ? enoughWords(training.enough) : null);
  const doing = doingWords(training);
  return html`
    <section class=${`verdict ${said ? said.kind : ""}`} aria-label=${t("train.enough_title")}>
      <div role="status">
        <h2>${said ? said.answer : t(training.error ? "train.failed" : doing ? "train.under_way" : "train.first")}</h2>
        ${said && html`<p>${said.reason}${said.to && html` <a class="go" href=${`#/${said.to}`}>${t(`train.to_${said.to}`)}</a>`}</p>`}
      </div>
      ${training.error && html`<p class="bad" role="alert">${training.error} ${training.hint}${training.round ? ` ${t("train.stays")}` : ""}</p>`}
      ${typeof training.value === "number" && html`
        <div class="figure">
          <strong>${percent(training.value)}</strong>
          <${Range} of=${training} low=${training.interval[0]} high=${training.interval[1]} from=${training.interval[0] > 0.5 ? 0.5 : 0} />
          <span class="soft small">${t("train.score_words", {
            correct: training.correct, n: training.n, name: named(training.judged),
            low: percent(training.interval[0]), high: percent(training.interval[1]),
          })}</span>
          ${others.map((one) => html`<span class="soft small" key=${one.name}>${t("train.also_judged", {
            name: shortly(one.name), percent: percent(one.value), correct: one.correct, n: one.n, low: percent(one.low), high: percent(one.high),
          })}</span>`)}
          ${held && html`<span class="soft small">${t(tested ? "train.test_kept" : "train.test_by_itself", { n: held.n })}</span>`}
          <${History} history=${history} />
        </div>
      `}
      <div class="work">
        ${training.doing
          ? html`<button onClick=${() => ask("stop")}>${t("train.stop")}</button>`
          : lacking ? null : html`<button class=${training.round ? "" : "main"} onClick=${() => ask("begin")}>${t(training.round ? "train.again" : "train.now")}</button>`}
        ${training.doing === "pictures"
          ? html`<progress max=${training.total} value=${training.done} aria-label=${t("shell.training")}></progress>`
          : null}
        <span class="soft small">${doing || (training.round ? t("train.by_itself", { n: training.pictures, seconds: seconds(training.seconds) }) : "")}</span>
      </div>
    </section>
  `;
}

/** A share and its interval, from the lowest of all shown to 1. */
const Range = ({ of, low, high, from = 0 }) => html`
  <span class="range" aria-hidden="true" style=${{ "--value": at(of.value, from), "--low": at(low, from), "--high": at(high, from) }}><i></i><b></b></span>
`;
const at = (value, from) => `${(100 * Math.max(0, value - from)) / (1 - from)}%`;

/** On how many pictures it is sure, and how right it is there: it moves with the slider. */
function Sure({ judged, training }) {
  const [main, ...others] = judged;
  const [dragged, drag] = useState(null);
  const moves = useRef(0);
  const curve = main.coverage;
  if (!total(curve)) return null;
  const score = dragged ?? training.sure_above ?? 0;
  const words = sureWords(main, score);
  const strictness = 100 * strictnessOf(curve, score);
  const keep = async (value) => {
    const mine = ++moves.current;
    await ask("choose", { sure_above: value });
    if (mine === moves.current) drag(null);
  };
  return html`
    <section>
      <h2>${t("train.sure_title")}</h2>
      <p>${words}</p>
      ${others.map((one) => html`<p class="soft" key=${one.name}>${t("train.sure_others", { name: shortly(one.name), words: sureWords(one, score) })}</p>`)}
      ${training.sure_above === null && dragged === null && html`<p class="soft">${t("train.no_sure")}</p>`}
      <label class="slider">
        <span>${t("train.how_sure")}</span>
        <input type="range" min="0" max="99.5" step="0.5" value=${strictness} aria-valuetext=${words}
          onInput=${(event) => drag(scoreAt(curve, event.target.value / 100))}
          onChange=${(event) => keep(scoreAt(curve, event.target.value / 100))} />
        <span class="ends small soft"><span>${t("train.all_answers")}</span><span>${t("train.surest_answers")}</span></span>
      </label>
      <${CoverageChart} curve=${curve} score=${score} />
      <p class="soft small">${t("train.sure_used")}
        ${training.sure_chosen && html` <button class="quiet" onClick=${() => keep(null)}>${t(training.sure_usual === null ? "train.all_sure" : "train.usual_sure")}</button>`}</p>
    </section>
  `;
}

function sureWords({ coverage, effect }, score) {
  const { covered, right } = above(coverage, score);
  const n = total(coverage);
  const values = { covered, n, score: number(score, 6).replace(/(\D\d*?)0+$/, "$1"), share: percent(covered / n) };
  if (!covered) return t("train.sure_none", values);
  const [low, high] = wilson(right / effect, covered / effect);
  return t(score ? "train.sure" : "train.sure_all", { ...values, right: percent(right / covered), low: percent(low), high: percent(high) });
}

/** A row a label: how many pictures it has learnt from, and how many of them are right. */
function Labels({ result }) {
  const [main, ...others] = result.judged;
  const from = Math.floor(10 * Math.min(0.9, ...result.labels.map((one) => one.right[0].low))) / 10;
  return html`
    <section class="wide">
      <h2>${t("train.labels_title")}</h2>
      <div class="scrolls">
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">${t("train.label")}</th>
              <th scope="col">${t("train.learnt")}</th>
              <th scope="col" colspan="2" title=${exactly(main.name)}>${t("train.right", { name: shortly(main.name) })}</th>
              <th scope="col">${t("train.interval")}</th>
              ${others.map((one) => html`<th scope="col" key=${one.name} title=${exactly(one.name)}>${shortly(one.name)}</th>`)}
              <th scope="col">${t("train.mistaken")}</th>
            </tr>
          </thead>
          <tbody>
            ${result.labels.map(({ label, learnt, right: [own, ...rest], mistaken_for: mistaken }) => html`
              <tr key=${label}>
                <th scope="row"><a href=${`#/mend/confusion/${encodeURIComponent(label)}`}>${label}</a></th>
                <td>${number(learnt)}</td>
                <td>${own.n ? percent(own.value) : "·"}</td>
                <td class="bar-of">${own.n ? html`<${Range} of=${own} low=${own.low} high=${own.high} from=${from} />` : null}</td>
                <td class="soft">${own.n ? t("train.between", { low: percent(own.low), high: percent(own.high) }) : ""}</td>
                ${rest.map((one) => html`<td>${one.n ? t("train.of", { correct: one.correct, n: one.n }) : "·"}</td>`)}
                <td class="soft">${mistaken ? t("train.times", { label: mistaken[0], n: mistaken[1] }) : ""}</td>
              </tr>
            `)}
          </tbody>
        </table>
      </div>
      <p class="soft small" lang=${theirs}>${main.worth}</p>
    </section>
  `;
}

function Quality({ training }) {
  const known = Object.keys(training.costs || {}).length > 0;
  const pictures = useStore((all) => all.labels.reduce((sum, one) => sum + one.learn + one.test, 0));
  const cost = (name) => {
    const time = known && training.costs[name] * pictures;
    return known ? t(time < 1 ? "train.cost_little" : "train.cost", { time: seconds(time), n: pictures }) : pictures ? t("train.cost_unknown") : "";
  };
  useEffect(() => {
    if (known || !pictures) return undefined;
    const soon = setTimeout(() => ask("costs"), 2000); // first what matters more
    return () => clearTimeout(soon);
  }, [known, pictures > 0, training.round]);
  return html`
    <section>
      <h2>${t("train.quality_title")}</h2>
      <fieldset class="qualities">
        <legend class="unseen">${t("train.quality_title")}</legend>
        ${["fast", "good", "best"].map((name) => html`
          <label key=${name}>
            <input type="radio" name="quality" value=${name} checked=${training.quality === name} onChange=${() => ask("choose", { quality: name })} />
            <span><b>${t(`train.quality.${name}`)}</b> ${t(`train.quality_use.${name}`)}<br /><small class="soft">${cost(name)}</small></span>
          </label>
        `)}
      </fieldset>
      <p class="soft small">${t("train.quality_words")}</p>
    </section>
  `;
}

function seconds(value) {
  if (value < 1) return t("train.under_a_second");
  return value < 90 ? t("train.seconds", { n: Math.round(value) }) : t("train.minutes", { n: Math.round(value / 60) });
}

/** What the library says of the pictures, in its own words. */
function Notes({ result, skipped, unlabelled }) {
  const said = result ? [result.expect, result.bursts, ...result.notes.filter((one) => one !== result.bursts), result.unknowns, ...result.shortcuts] : [];
  if (!said.filter(Boolean).length && !skipped.length && !unlabelled) return null;
  return html`
    <section>
      <h2>${t("train.notes_title")}</h2>
      <ul class="notes small" lang=${theirs}>${said.filter(Boolean).map((one) => html`<li key=${one}>${one}</li>`)}</ul>
      ${unlabelled ? html`<p class="small">${t("train.unlabelled", { n: unlabelled })}</p>` : null}
      ${skipped.length ? html`
        <details>
          <summary>${t("train.skipped", { n: skipped.length })}</summary>
          <ul class="notes small" lang=${theirs}>${skipped.map(([name, reason]) => html`<li key=${name}><b>${name}</b>: ${reason}</li>`)}</ul>
        </details>
      ` : null}
    </section>
  `;
}
