// The camera's picture, with what goes with a camera: which one, mirrored or not, that it is on, and
// why it is not. It is on while this component is there and the page is in sight, and never longer.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { keep, kept } from "../kept.js";
import { t } from "../words.js";
import { cameras, close, frameOf, idOf, open, reasonOf } from "./camera.js";

const pause = (time) => new Promise((done) => setTimeout(done, time));

/**
 * `onFrame({blob, time})` gets what the camera shows now, `rate` times a second (0: never) and not
 * before the promise that it gave last is kept: so one frame is under way, and the next is the newest.
 */
export function Webcam({ rate = 0, onFrame, children }) {
  const video = useRef(null);
  const handler = useRef(null);
  handler.current = onFrame;
  const [state, setState] = useState("opening"); // or "on", "paused", or a reason
  const [wanted, setWanted] = useState({ id: kept("camera") });
  const [known, setKnown] = useState([]);
  const [at, setAt] = useState("");
  const [mirrored, setMirrored] = useState(kept("mirrored") !== "no");

  useEffect(() => {
    if (!wanted) return undefined;
    let stream = null;
    let over = false;
    const begin = async () => {
      setState("opening");
      try {
        stream = await open(wanted.id);
        if (over) return close(stream);
        const [track] = stream.getVideoTracks();
        track.onended = () => setState("gone");
        video.current.srcObject = stream;
        await video.current.play();
        setAt(idOf(stream));
        setState("on");
        setKnown(await cameras());
      } catch (error) {
        close(stream);
        if (!over) setState(reasonOf(error));
      }
    };
    begin();
    return () => {
      over = true;
      close(stream);
      if (video.current) video.current.srcObject = null;
    };
  }, [wanted]);

  useEffect(() => {
    const look = () => {
      if (!document.hidden) return;
      setWanted(null);
      setState((now) => (now === "on" || now === "opening" ? "paused" : now));
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);

  useEffect(() => {
    if (state !== "on" || !rate) return undefined;
    let going = true;
    const run = async () => {
      let next = performance.now();
      while (going) {
        const frame = await frameOf(video.current);
        if (going && frame) await handler.current(frame);
        next = Math.max(next + 1000 / rate, performance.now());
        await pause(next - performance.now());
      }
    };
    run();
    return () => {
      going = false;
    };
  }, [state, rate]);

  const choose = (event) => {
    keep("camera", event.target.value);
    setWanted({ id: event.target.value });
  };
  const mirror = () => {
    keep("mirrored", mirrored ? "no" : "yes");
    setMirrored(!mirrored);
  };
  const on = state === "on";
  return html`
    <div class="webcam" data-state=${state}>
      <div class="screen">
        <video ref=${video} muted playsinline aria-label=${t("webcam.picture")} class=${mirrored ? "mirrored" : ""}></video>
        ${on ? html`<p class="camera-on"><span class="dot"></span>${t("webcam.on")}</p>` : null}
        ${on
          ? children
          : html`
              <div class="off" role="status">
                <p>${t(`webcam.${state}`)}</p>
                ${state === "opening" ? null : html`<p class="small">${t(`webcam.${state}_hint`)}</p>`}
                ${state === "opening" || state === "insecure"
                  ? null
                  : html`<button onClick=${() => setWanted({ id: at })}>${t("webcam.start")}</button>`}
              </div>
            `}
        ${on
          ? html`
              <div class="options">
                ${known.length > 1
                  ? html`
                      <select aria-label=${t("webcam.which")} value=${at} onChange=${choose}>
                        ${known.map(([id, name], number) => html`<option key=${id} value=${id}>${name || t("webcam.camera", { number: number + 1 })}</option>`)}
                      </select>
                    `
                  : null}
                <button aria-pressed=${String(mirrored)} onClick=${mirror}>${t("webcam.mirror")}</button>
              </div>
            `
          : null}
      </div>
    </div>
  `;
}
