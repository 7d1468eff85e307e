// The opinion was asked for to be printed: the browser's dialogue opens by itself.
"use strict";
window.addEventListener("load", () => window.print());
