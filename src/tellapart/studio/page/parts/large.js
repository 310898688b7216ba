// One picture, large: what it is called, where it is, and what can be done with it.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { file } from "../api.js";
import { useKeys } from "../keys.js";
import { t } from "../words.js";
import { Dialog } from "./dialog.js";

/** `step(by)` goes to the picture before (-1) or after (1), if there is one. */
export function Large({ picture, place, at, of, step, move, aside, close, whyNot }) {
  const [failure, setFailure] = useState({}); // {address, reason}
  const before = useRef(null);
  const address = file(picture);
  useEffect(() => before.current.parentNode.focus(), []);
  const failed = () => whyNot(address).then((reason) => setFailure({ address, reason }));
  useKeys([
    { keys: ["ArrowLeft"], act: () => step(-1) },
    { keys: ["ArrowRight"], act: () => step(1) },
  ]);
  return html`
    <${Dialog} title=${picture.name} close=${close} wide>
      <div class="large" tabindex="-1">
        <button ref=${before} class="quiet" aria-label=${t("collect.before")} disabled=${at === 0} onClick=${() => step(-1)}>‹</button>
        <figure>
          ${failure.address === address && failure.reason
            ? html`<p class="empty">${failure.reason}</p>`
            : html`<img key=${address} src=${address} alt=${picture.name} onError=${failed} />`}
        </figure>
        <button class="quiet" aria-label=${t("collect.after")} disabled=${at === of - 1} onClick=${() => step(1)}>›</button>
      </div>
      <div class="large-does">
        <span role="status">${t("collect.large_at", { place, at: at + 1, of })}</span>
        <button onClick=${move}>${t("collect.move")}</button>
        <button onClick=${aside} disabled=${picture.part === "aside"}>${t("collect.aside")}</button>
        <a class="button" href=${`#/why/${picture.id}`}>${t("collect.why")}</a>
      </div>
    </${Dialog}>
  `;
}
