// Recording from the webcam into a label: hold, or count down; all of it is one change.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { keep, kept } from "../kept.js";
import { useKeys } from "../keys.js";
import { Dialog } from "../parts/dialog.js";
import { add, follow, recording, unsaved } from "../parts/recording.js";
import { Webcam } from "../parts/webcam.js";
import { say, store, useStore } from "../store.js";
import { t } from "../words.js";

const RATES = [1, 2, 5, 10]; // pictures a second
const COUNT = 3; // seconds before a recording that counts down,
const LASTS = 5000; // and how long that is, in milliseconds
const MOST = 600; // pictures of one recording
const LATEST = 8; // of which small ones are shown

/** A panel that records into `label`; `close` closes it. */
export function Capture({ label = "", close }) {
  const labels = useStore((all) => all.labels);
  const [name, setName] = useState(label);
  const [rate, setRate] = useState(Number(kept("rate", 5)));
  const [counts, setCounts] = useState(kept("countdown", "no") === "yes");
  const [left, setLeft] = useState(0); // seconds of the countdown
  const [going, setGoing] = useState(false);
  const [count, setCount] = useState(0);
  const [latest, setLatest] = useState([]); // addresses of the newest frames
  const [, draw] = useState(0);
  const now = useRef(null); // the recording
  const button = useRef(null);
  const clocks = useRef([]);

  useEffect(() => follow(() => draw((at) => at + 1)), []);
  useEffect(() => {
    setTimeout(() => button.current.focus()); // after the dialog has opened
  }, []);
  useEffect(() => () => clocks.current.forEach(clearTimeout), []);
  const urls = useRef([]);
  urls.current = latest;
  useEffect(() => () => urls.current.forEach(URL.revokeObjectURL), []);

  const later = (act, time) => clocks.current.push(setTimeout(act, time));
  const end = () => {
    clocks.current.forEach(clearTimeout);
    clocks.current = [];
    setLeft(0);
    setGoing(false);
  };
  const begin = () => {
    now.current = recording(name.trim());
    setCount(0);
    setGoing(true);
  };
  const busy = going || left > 0;
  /** One press: with the countdown it begins or ends all of it, without it begins what `release` ends. */
  const press = () => {
    if (busy) return end();
    if (!counts) return begin();
    for (let second = 0; second < COUNT; second++) later(() => setLeft(COUNT - second), 1000 * second);
    later(() => {
      setLeft(0);
      begin();
    }, 1000 * COUNT);
    return later(end, 1000 * COUNT + LASTS);
  };
  const release = () => going && !counts && end();

  const seen = (frame) => {
    const to = now.current;
    if (to.failed) return end();
    if (to.count >= MOST) {
      say(t("webcam.full"));
      return end();
    }
    add(to, frame);
    setCount(to.count);
    const url = URL.createObjectURL(frame.blob);
    return setLatest((all) => {
      all.slice(LATEST - 1).forEach(URL.revokeObjectURL);
      return [url, ...all].slice(0, LATEST);
    });
  };

  const others = (event) => event.target.closest("button, summary") && !event.target.closest(".record");
  useKeys([{ keys: [" "], words: t("webcam.key"), act: (event) => (others(event) ? false : event.repeat || press()) && undefined }]);
  useEffect(() => {
    const up = (event) => event.key === " " && release();
    document.addEventListener("keyup", up);
    return () => document.removeEventListener("keyup", up);
  }, [going, counts]);

  const down = (event) => {
    if (event.button) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    press();
  };
  const known = store.labels.find((one) => one.name === name.trim());
  return html`
    <${Dialog} title=${t("webcam.title")} close=${close} wide>
      <div class="capture">
        <${Webcam} rate=${going ? rate : 0} onFrame=${seen}>
          ${left ? html`<p class="countdown" role="timer" aria-live="assertive">${left}</p>` : null}
          ${going ? html`<p class="recording"><span class="dot"></span>${count}</p>` : null}
        </${Webcam}>
        <div class="settings">
          <label>${t("webcam.label")}
            <input list="capture-labels" value=${name} disabled=${busy} placeholder=${t("webcam.no_label")} onInput=${(event) => setName(event.target.value)} />
          </label>
          <datalist id="capture-labels">${labels.map((one) => html`<option key=${one.name} value=${one.name}></option>`)}</datalist>
          <label>${t("webcam.rate")}
            <select value=${rate} onChange=${(event) => {
              keep("rate", event.target.value);
              setRate(Number(event.target.value));
            }}>
              ${RATES.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
            </select>
          </label>
          <label class="check">
            <input type="checkbox" checked=${counts} disabled=${busy} onChange=${(event) => {
              keep("countdown", event.target.checked ? "yes" : "no");
              setCounts(event.target.checked);
            }} />
            ${t("webcam.countdown")}
          </label>
          <button ref=${button} class="main record" aria-pressed=${String(going)} onPointerDown=${down} onPointerUp=${release} onPointerCancel=${release}
            onClick=${(event) => event.detail === 0 && press()} onContextMenu=${(event) => event.preventDefault()}>
            <span class="dot"></span>${busy ? t("webcam.stop") : counts ? t("webcam.record") : t("webcam.hold")}
          </button>
          <p role="status">${count && !going ? t("webcam.recorded", { n: now.current.failed ? now.current.saved : count }) : ""} ${unsaved() ? html`<span class="soft">${t("webcam.saving", { n: unsaved() })}</span>` : null}</p>
          <ul class="latest" aria-hidden="true">${latest.map((url) => html`<li key=${url}><img src=${url} alt="" /></li>`)}</ul>
          ${known && known.learn ? html`<p class="soft small">${t("webcam.occasions")}</p>` : null}
        </div>
      </div>
    </${Dialog}>
  `;
}
