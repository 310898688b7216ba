// Scores as bars, a row a label, and a last row that fills up as a picture gets unlike all of them.
import { html } from "../vendor/preact.js";
import { percent, t } from "../words.js";

const MOST = 8; // rows; of more labels the likeliest

/** The rows to show of scores by label: in the order of the labels if all have room, else the likeliest. */
export function rowsOf(scores, most = MOST) {
  const all = Object.entries(scores);
  if (all.length <= most) return all.sort(([one], [other]) => (one < other ? -1 : 1));
  return all.sort(([, one], [, other]) => other - one).slice(0, most);
}

/** How unlike the training pictures it is, 0 to 1: full where it counts as none of these; null if nothing does. */
export function unlike({ unknown, novelty }, limit) {
  if (unknown) return 1;
  return limit > 0 ? Math.min(0.99, Math.max(0, novelty / limit)) : null;
}

function Row({ name, at, said, first }) {
  return html`
    <li class=${first ? "first" : ""}>
      <span class="name">${name}</span>
      <span class="said">${said}</span>
      <div class="track" role="meter" aria-label=${name} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(100 * at)} aria-valuetext=${said || t("test.no")}>
        <div class="fill" style=${{ "--at": at }}></div>
      </div>
    </li>
  `;
}

/** `answer` as `guess --json` gives it; `limit` is the novelty from which on it is none of these. */
export function Bars({ answer, limit }) {
  const strange = unlike(answer, limit);
  return html`
    <ul class="bars">
      ${rowsOf(answer.scores).map(
        ([label, score]) => html`
          <${Row} key=${`/${label}`} name=${label} at=${score} said=${percent(score)} first=${label === answer.label && !answer.unknown} />
        `,
      )}
      ${strange === null
        ? null
        : html`<${Row} key="none" name=${t("test.none")} at=${strange} first=${answer.unknown} said=${answer.unknown ? t("test.yes") : ""} />`}
    </ul>
  `;
}
