// Test: what the model says of a picture that it has never seen, dropped, pasted, chosen or live.
import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { Problem, send } from "../api.js";
import { useFresh } from "../fresh.js";
import { useKeys } from "../keys.js";
import { Bars } from "../parts/bars.js";
import { frameName, perSecond, withTime } from "../parts/frames.js";
import { Icon } from "../parts/icon.js";
import { recording } from "../parts/recording.js";
import { Webcam } from "../parts/webcam.js";
import { attempt, say, useStore } from "../store.js";
import { number, percent, t } from "../words.js";

const RATE = 15; // frames a second at most: more tell an eye nothing, and leave training no time
const MOST = 60; // pictures in the strip
const SPOKEN = 2000; // milliseconds between two labels that a screen reader is told

const pause = (time) => new Promise((done) => setTimeout(done, time));
let count = 0;

const asked = (blob, name) => send(`/api/guess?name=${encodeURIComponent(name)}`, blob);

/** Which model answers, asked for again whenever there may be another: {ready, pictures, since, ...}. */
function useModel() {
  const [model] = useFresh("/api/model", ["training", "folder"]);
  return useMemo(() => model && { ...model, since: Date.now() - 1000 * model.age }, [model]);
}

/** "12 s", "3 min", "2 h": for how long something has been so. */
function span(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds < 60) return t("test.seconds", { n: Math.round(seconds) });
  if (seconds < 3600) return t("test.minutes", { n: Math.round(seconds / 60) });
  return t("test.hours", { n: Math.round(seconds / 3600) });
}

function Model({ model }) {
  const [, draw] = useState(0);
  useEffect(() => {
    const clock = setInterval(() => draw((at) => at + 1), 1000);
    return () => clearInterval(clock);
  }, []);
  return html`<p class="soft small">${t("test.model", { ago: span(Date.now() - model.since), count: model.pictures })}</p>`;
}

/** What is said of an answer in a few words, which is what a screen reader is told too. */
function verdict(answer, model) {
  const score = percent(answer.score);
  if (answer.unknown) return [t("test.none"), t("test.closest", { label: answer.label, score })];
  const unsure = model && model.unsure_below !== null && answer.score < model.unsure_below;
  return [answer.label, unsure ? t("test.unsure", { score: percent(model.unsure_below) }) : ""];
}

/** Says the label to a screen reader, not more often than somebody can listen to. */
function Spoken({ text }) {
  const [said, say] = useState("");
  const last = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, last.current + SPOKEN - performance.now());
    const clock = setTimeout(() => {
      last.current = performance.now();
      say(text);
    }, wait);
    return () => clearTimeout(clock);
  }, [text]);
  return html`<p class="unseen" role="status">${said}</p>`;
}

function Answer({ answer, model }) {
  const [label, more] = verdict(answer, model);
  return html`
    <h2 class=${answer.unknown ? "verdict unknown" : "verdict"}>${label}</h2>
    <p class="soft more">${more}</p>
    <${Bars} answer=${answer} limit=${model ? model.unknown_above : null} />
    <${Spoken} text=${[label, more].filter(Boolean).join(", ")} />
  `;
}

/** Buttons, and keys, by which a tested picture goes into the folder. */
function Keep({ one, keep, why }) {
  const labels = useStore((all) => all.labels);
  const [part, setPart] = useState("learn");
  const { answer } = one;
  const go = (label, event) => keep(label, event.shiftKey || part === "test" ? "test" : "learn");
  const nth = (event) => {
    const label = labels[Number(event.code.slice(5)) - 1];
    if (!label) return false;
    return go(label.name, event);
  };
  const newest = useRef(null); // the keys are of what is shown now: of a camera, the newest frame
  const guessed = (event) => (answer.unknown ? say(t("test.no_guess")) : go(answer.label, event));
  newest.current = { guessed, nth, why };
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const byLabel = (event) => newest.current.nth(event);
  useKeys([
    { keys: ["t"], words: t("test.key_keep"), act: (event) => newest.current.guessed(event) },
    { keys: digits.map(String), words: t("test.key_label"), act: byLabel },
    { keys: digits.map((digit) => `Shift+${digit}`), words: t("test.key_test"), act: byLabel },
    { keys: ["w"], words: t("test.key_why"), act: () => newest.current.why() },
  ]);
  if (one.kept) return html`<p class="kept" role="status">${t(`test.kept_${one.kept.part}`, one.kept)}</p>`;
  return html`
    <div class="keep" role="group" aria-label=${t("test.keep")}>
      <p class="small soft">${t(answer.unknown ? "test.keep_hint_none" : "test.keep_hint")}</p>
      <div class="controls">
        ${["learn", "test"].map(
          (which) => html`<button aria-pressed=${String(part === which)} onClick=${() => setPart(which)}>${t(`test.for_${which}`)}</button>`,
        )}
      </div>
      <div class="controls">
        ${labels.map(
          ({ name }, at) => html`
            <button key=${name} class=${name === answer.label && !answer.unknown ? "main" : ""} aria-label=${t(`test.keep_${part}`, { label: name })} onClick=${(event) => go(name, event)}>
              ${at < 9 ? html`<kbd aria-hidden="true">${at + 1}</kbd>` : null}${name}
            </button>
          `,
        )}
      </div>
      <div class="controls"><button onClick=${why}>${t("test.why")}</button></div>
    </div>
  `;
}

/** A picture as the browser shows it; of a kind that it does not know, its name. */
function Picture({ one, kind, alt }) {
  const [shown, setShown] = useState(true);
  if (!shown) return html`<span class=${`${kind} unseen-by-browser`}>${one.name}</span>`;
  return html`<img class=${kind} src=${one.url} alt=${alt} onError=${() => setShown(false)} />`;
}
const Large = ({ one }) => html`<${Picture} one=${one} kind="tested" alt=${one.name} />`;
const Small = ({ one }) => html`<${Picture} one=${one} kind="small-picture" alt="" />`;

function Strip({ all, at, choose }) {
  return html`
    <ol class="strip" aria-label=${t("test.tested")}>
      ${all.map(
        (one) => html`
          <li key=${one.key}>
            <button class=${one.answer && one.answer.unknown ? "unknown" : ""} aria-pressed=${String(one.key === at)} aria-label=${`${one.name}: ${said(one)}`} onClick=${() => choose(one.key)}>
              <${Small} one=${one} />
              <span>${said(one)}</span>
            </button>
          </li>
        `,
      )}
    </ol>
  `;
}

const said = (one) =>
  one.problem ? t("test.unreadable") : !one.answer ? t("test.asking") : one.answer.unknown ? t("test.none") : one.answer.label;

/** Why nothing can be answered yet, and where to go. */
function Missing({ model }) {
  return html`
    <div class="missing" role="status">
      <h2>${t("test.no_model")}</h2>
      <p>${model.missing === "failed" ? model.words : t(`test.missing_${model.missing}`, model)}</p>
      ${model.missing === "training" ? null : html`<a class="button" href="#/collect">${t("test.to_collect")}</a>`}
    </div>
  `;
}

export function Test() {
  const model = useModel();
  const [all, setAll] = useState([]); // the tested, the newest first: {key, name, url, blob, answer, problem, kept}
  const [at, setAt] = useState(0);
  const [live, setLive] = useState(false);
  const [frame, setFrame] = useState(null); // the newest that was answered
  const [speed, setSpeed] = useState(0);
  const [over, setOver] = useState(false); // something is held over the page
  const input = useRef(null);
  const moments = useRef([]);
  const turn = useRef(Promise.resolve());
  const kept = useRef(null); // the recording that kept frames of the camera are of
  const newest = useRef(null); // which model answers
  newest.current = (model && model.trained) || null;

  const held = useRef(all);
  held.current = all;
  const here = useRef(true); // whoever has gone elsewhere since stays there
  useEffect(() => () => {
    here.current = false;
    held.current.forEach((one) => URL.revokeObjectURL(one.url));
  }, []);

  const change = (key, values) => setAll((list) => list.map((one) => (one.key === key ? { ...one, ...values } : one)));

  /** Ask about a picture after those that were asked about before it: one request is under way. */
  const ask = (one) => {
    turn.current = turn.current.catch(() => {}).then(async () => {
      const by = newest.current;
      try {
        change(one.key, { answer: await asked(one.blob, one.name), problem: null, by });
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        change(one.key, { answer: null, problem: error, by });
      }
    });
  };

  const test = (files) => {
    const fresh = [...files].map((file) => {
      const name = file.name || t("test.pasted");
      return { key: ++count, name, url: URL.createObjectURL(file), blob: file, file: file.name || "pasted.png" };
    });
    if (!fresh.length) return;
    setLive(false);
    setAt(fresh[0].key);
    setAll((list) => {
      const next = [...fresh, ...list];
      next.slice(MOST).forEach((one) => URL.revokeObjectURL(one.url));
      return next.slice(0, MOST);
    });
    fresh.forEach(ask);
  };

  useEffect(() => {
    const drag = (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event) => event.relatedTarget || setOver(false);
    const drop = (event) => {
      event.preventDefault();
      setOver(false);
      test(event.dataTransfer.files);
    };
    const paste = (event) => document.querySelector("dialog[open]") || test(event.clipboardData.files); // unseen below it
    const heard = [["dragover", drag], ["dragleave", leave], ["drop", drop], ["paste", paste]];
    heard.forEach(([kind, act]) => document.addEventListener(kind, act));
    return () => heard.forEach(([kind, act]) => document.removeEventListener(kind, act));
  }, []);

  const seen = async ({ blob, time }) => {
    try {
      const answer = await asked(blob, "webcam");
      const now = performance.now();
      moments.current = [...moments.current.slice(-60), now];
      setSpeed(perSecond(moments.current, now));
      setFrame({ answer, blob, time });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setFrame({ problem: error });
      await pause(1000); // it is busy, or gone: asking on and on would not help
    }
  };

  const toggle = () => {
    moments.current = [];
    kept.current = recording("");
    setFrame(null);
    setLive(!live);
  };

  const shown = live ? frame : all.find((one) => one.key === at);

  /** The bytes of what is shown, and its name in the folder. */
  const content = async () => {
    if (!live) return [shown.blob, shown.file];
    const jpeg = new Uint8Array(await shown.blob.arrayBuffer());
    return [withTime(jpeg, shown.time), frameName(kept.current.begun, ++kept.current.count)];
  };

  const keep = (label, part) =>
    attempt(async () => {
      if (!live && shown.kept) return;
      const [bytes, name] = await content();
      const query = new URLSearchParams({ label, part, name });
      const { copies } = await send(`/api/pictures?${query}`, bytes);
      if (copies && copies.length) say(t("test.copy", { name: copies[0][1] }));
      else if (live) say(t(`test.kept_${part}`, { label }));
      else change(shown.key, { kept: { label, part } });
    });

  const why = () =>
    attempt(async () => {
      const [bytes] = await content();
      const { tested } = await send("/api/tested", bytes);
      if (here.current) location.hash = `#/why/tested/${tested}`;
    });

  // A picture that is looked at is asked about again when there is a new model.
  useEffect(() => {
    if (!live && shown && (shown.answer || shown.problem) && shown.by !== newest.current) ask(shown);
  }, [model && model.trained, at, live]);

  const choose = (key) => {
    setLive(false);
    setAt(key);
  };
  const ready = model && model.ready;
  const picture = shown && !live;
  return html`
    <div class=${over ? "test over" : "test"}>
      <section class="stage" aria-label=${t("test.picture")}>
        ${live
          ? html`<${Webcam} rate=${ready ? RATE : 0} onFrame=${seen} />`
          : picture
            ? html`<${Large} key=${shown.key} one=${shown} />`
            : html`<p class="empty">${t("test.empty")}</p>`}
        <div class="controls">
          <button class=${shown || live ? "" : "main"} onClick=${() => input.current.click()}>${t("test.choose")}</button>
          <button aria-pressed=${String(live)} onClick=${toggle}><${Icon} name="camera" />${t("test.webcam")}</button>
          ${live && speed ? html`<span class="soft small speed">${t("test.speed", { rate: number(speed, speed < 10 ? 1 : 0) })}</span>` : null}
        </div>
        <input ref=${input} type="file" accept="image/*,.heic,.heif,.tif,.tiff" multiple hidden aria-label=${t("test.choose")} onChange=${(event) => {
          test(event.target.files);
          event.target.value = "";
        }} />
      </section>
      <section class="answer" aria-label=${t("test.answer")}>
        ${model && !ready ? html`<${Missing} model=${model} />` : null}
        ${shown && shown.answer && ready
          ? html`<${Answer} answer=${shown.answer} model=${model} /><${Keep} one=${shown} keep=${keep} why=${why} />`
          : null}
        ${shown && shown.problem ? html`<p class="problem" role="alert">${shown.problem.message} ${shown.problem.hint}</p>` : null}
        ${ready ? html`<${Model} model=${model} />` : null}
      </section>
      ${all.length > 1 ? html`<${Strip} all=${all} at=${live ? 0 : at} choose=${choose} />` : null}
    </div>
  `;
}
