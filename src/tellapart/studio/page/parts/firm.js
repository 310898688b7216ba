// What holds the page when one part of it fails: the bar and the other parts stay, and the part opens again.
import { Component, html } from "../vendor/preact.js";
import { say } from "../store.js";
import { t } from "../words.js";

/** With `close`, what lies over the page is closed instead, and a message says it. */
export class Firm extends Component {
  componentDidCatch(error) {
    reportError(error); // the browser's console has the rest
    if (!this.props.close) return this.setState({ failed: true });
    say(t("shell.failed"), { kind: "error" });
    return this.props.close();
  }

  render({ children }, { failed }) {
    if (!failed) return children;
    return html`
      <p class="notice" role="alert">${t("shell.failed")}</p>
      <p><button onClick=${() => this.setState({ failed: false })}>${t("shell.open_again")}</button></p>
    `;
  }
}
