/** The page's start: the browser's clock and document, handed to everything else. */
import { render } from "preact";
import { systemClock } from "../../../shared/kube/clock.ts";
import { App } from "./app.tsx";

const place = document.getElementById("page");
if (place) render(<App clock={systemClock} />, place);
