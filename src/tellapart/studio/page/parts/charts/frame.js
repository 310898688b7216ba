// What charts stand in: an area with an axis of shares, drawn in the colours of the page.
import { html } from "../../vendor/preact.js";
import { percent } from "../../words.js";

export const WIDTH = 360;

/** Where values lie in a drawing that is `WIDTH` wide and `bottom` + 38 high. */
export function frame(bottom, [x0, x1], [y0, y1]) {
  const [left, right, top] = [46, 346, 12];
  return {
    left, right, top, bottom,
    x: (value) => left + ((value - x0) / (x1 - x0)) * (right - left),
    y: (value) => bottom - ((value - y0) / (y1 - y0)) * (bottom - top),
  };
}

/** A drawing with its shares at the left, which says in words what it shows. */
export function Drawing({ area, marks, words, below, children }) {
  const digits = marks.every((one) => Math.abs(100 * one - Math.round(100 * one)) < 1e-6) ? 0 : 1;
  return html`
    <svg class="chart" viewBox=${`0 0 ${WIDTH} ${area.bottom + 38}`} role="img" aria-label=${words}>
      ${marks.map(
        (one) => html`
          <line class="grid" x1=${area.left} x2=${area.right} y1=${area.y(one)} y2=${area.y(one)} />
          <text x=${area.left - 6} y=${area.y(one) + 4} text-anchor="end">${percent(one, digits)}</text>
        `,
      )}
      <text x=${area.right} y=${area.bottom + 34} text-anchor="end">${below}</text>
      ${children}
    </svg>
  `;
}

export const points = (places) => places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

/** A 95 % interval. */
export const Whisker = ({ x, top, bottom }) => html`
  <path class="whisker" d=${`M${x - 5} ${top}h10M${x - 5} ${bottom}h10M${x} ${top}V${bottom}`} />
`;
