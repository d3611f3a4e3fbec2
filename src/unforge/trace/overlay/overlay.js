/*
 * The mark of unforge over a page: two layers that people do not see and a photograph keeps.
 *
 *   <script src="/unforge/overlay.js" data-tiles="/unforge/tile" data-report="/unforge/report"></script>
 *   <script src="overlay.js" data-multiply="multiply.png" data-screen="screen.png"></script>
 *
 * data-tiles      where to ask for tiles: {expires_in_s, tile_px, multiply, screen}, with ?dpr= added
 * data-multiply, data-screen    a tile that never changes, instead
 * data-report     where heartbeats and tampering go, as JSON {kind, time, page, detail}; nothing is sent without it
 * data-jitter-s   over how many seconds the pages of a site spread their asking after a slot ends; 10
 *
 * The layers are popovers, because only the top layer of a page lies above its modal dialogs. Their style is !important
 * inside of a closed shadow root, which no style of the page overrides (CSS Cascading 5, section 6.1, "Context").
 */
(() => {
  "use strict";

  const settings = { ...document.currentScript.dataset };
  const MODES = ["multiply", "screen"];
  const MARKED = Symbol.for("unforge.overlay");
  const CHECK_MS = 1000;
  const HEARTBEAT_MS = 60_000;
  const REPAIR_PAUSE_MS = 200; // a page that removes the layers as fast as they come back must not freeze
  const RETRY_MS = [1000, 2000, 5000, 15_000, 30_000, 60_000];
  const JITTER_MS = 1000 * Number(settings.jitterS ?? 10);
  const HAS_POPOVER = "popover" in HTMLElement.prototype;
  const ABOVE = HAS_POPOVER ? ":modal, :fullscreen, :popover-open" : "dialog[open]";
  const TAMPERED = ["style", "class", "hidden", "popover"];
  const AS_SHOWN = {
    display: "block",
    visibility: "visible",
    opacity: "1",
    position: "fixed",
    transform: "none",
    filter: "none",
    clipPath: "none",
    pointerEvents: "none",
  };

  const layers = new Map(); // mode -> {host, sheet}
  const above = new Set(); // what else is in the top layer, and lies below the mark by now
  let shown = null; // the tile: {tile_px, multiply, screen}
  let dueAt = 0; // when the next tile is to be asked for, by Date.now()
  let asking = false;
  let failures = 0;
  let repairedAt = 0;
  let toldAt = 0;

  // One mark is enough: a page in a frame of a page that is marked lies below it already.
  function isMarkedAbove() {
    for (let view = window; ; view = view.parent) {
      try {
        if (view[MARKED]) return true;
      } catch {
        // another site's page, which does not say
      }
      if (view === view.top) return false;
    }
  }

  // Tiles

  async function fromServer() {
    const address = new URL(settings.tiles, document.baseURI);
    address.searchParams.set("dpr", window.devicePixelRatio);
    const response = await fetch(address, { cache: "no-store", credentials: "same-origin" });
    if (!response.ok) throw new Error(`the tile endpoint answered ${response.status}`);
    const tile = await response.json();
    await Promise.all(MODES.map((mode) => decoded(tile[mode])));
    return tile;
  }

  async function fromFiles() {
    const [multiply, screen] = MODES.map((mode) => new URL(settings[mode], document.baseURI).href);
    const [image] = await Promise.all([decoded(multiply), decoded(screen)]);
    return { expires_in_s: Infinity, tile_px: image.naturalWidth, multiply, screen };
  }

  async function decoded(source) {
    const image = new Image();
    image.src = source;
    await image.decode();
    return image;
  }

  // The old tile stays until the new one is there to be painted.
  async function renew() {
    if (asking) return;
    asking = true;
    const dpr = window.devicePixelRatio;
    try {
      show(await (settings.tiles ? fromServer() : fromFiles()));
      failures = 0;
      dueAt = Date.now() + Math.max(1000, 1000 * shown.expires_in_s + JITTER_MS * Math.random());
      heartbeat();
    } catch (error) {
      dueAt = Date.now() + RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] * (1 + Math.random());
      tell("tile", String(error.message ?? error));
    }
    asking = false;
    if (window.devicePixelRatio !== dpr && settings.tiles) renew();
  }

  function show(tile) {
    shown = tile;
    for (const mode of MODES) layers.has(mode) ? paint(mode) : put(mode);
  }

  // Layers

  function put(mode) {
    const host = document.createElement("unforge-layer");
    const sheet = new CSSStyleSheet();
    host.attachShadow({ mode: "closed" }).adoptedStyleSheets = [sheet];
    host.setAttribute("aria-hidden", "true");
    if (HAS_POPOVER) host.setAttribute("popover", "manual");
    layers.get(mode)?.host.remove();
    layers.set(mode, { host, sheet, density: 0 });
    document.documentElement.append(host);
    paint(mode);
    if (HAS_POPOVER) host.showPopover();
    watch();
  }

  function paint(mode) {
    const layer = layers.get(mode);
    layer.density = density(layer.host);
    const side = shown.tile_px / layer.density;
    layer.sheet.replaceSync(`
      :host {
        all: initial !important;
        display: block !important;
        position: fixed !important;
        inset: 0 !important;
        z-index: 2147483647 !important;
        pointer-events: none !important;
        mix-blend-mode: ${mode} !important;
        background: url("${shown[mode]}") 0 0 / ${side}px ${side}px !important;
        image-rendering: pixelated !important;
        print-color-adjust: exact !important;
        forced-color-adjust: none !important;
      }
      :host::backdrop { display: none !important; }
    `);
  }

  // Device pixels in a pixel of the layer's style: zoom and display by the ratio, and what the page's own style zooms.
  function density(host) {
    return window.devicePixelRatio * (host.currentCSSZoom ?? 1);
  }

  function followDensity() {
    const now = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    const follow = () => {
      if (shown) MODES.forEach(paint);
      if (settings.tiles) renew();
      followDensity();
    };
    now.addEventListener("change", follow, { once: true });
  }

  // What the layers are up against

  function whatIsWrong(mode) {
    const { host } = layers.get(mode);
    if (!host.isConnected) return "removed";
    if (host.parentNode !== document.documentElement) return "moved";
    if (HAS_POPOVER && !host.matches(":popover-open")) return "hidden";
    const style = window.getComputedStyle(host);
    const asShown = Object.entries(AS_SHOWN).every(([name, value]) => style[name] === value);
    const untouched = TAMPERED.every((name) => name === "popover" || !host.hasAttribute(name));
    return asShown && untouched && style.mixBlendMode === mode ? null : "restyled";
  }

  function check() {
    if (!shown) return;
    const wrong = MODES.map((mode) => [mode, whatIsWrong(mode)]).filter(([, kind]) => kind);
    if (wrong.length === 0) return;
    const pause = repairedAt + REPAIR_PAUSE_MS - Date.now();
    if (pause > 0) {
      setTimeout(check, pause);
      return;
    }
    repairedAt = Date.now();
    for (const [mode, kind] of wrong) {
      put(mode);
      tell(kind, mode);
    }
  }

  // A dialog that opens lies above all that was there before; then the layers go up again.
  function stayAbove(elements) {
    for (const element of above) if (!element.isConnected || !element.matches(ABOVE)) above.delete(element);
    const opened = [...elements].filter((element) => element.matches?.(ABOVE) && !above.has(element) && !isOurs(element));
    if (opened.length === 0) return;
    opened.forEach((element) => above.add(element));
    if (shown) MODES.forEach(raise);
  }

  function raise(mode) {
    const { host } = layers.get(mode);
    if (!host.isConnected) return;
    if (!HAS_POPOVER) {
      document.documentElement.append(host);
      return;
    }
    if (host.matches(":popover-open")) host.hidePopover();
    host.showPopover();
  }

  function isOurs(element) {
    return [...layers.values()].some(({ host }) => host === element);
  }

  const observer = new MutationObserver(check);

  function watch() {
    observer.disconnect();
    observer.observe(document, { childList: true });
    observer.observe(document.documentElement, { childList: true });
    for (const { host } of layers.values()) observer.observe(host, { attributes: true, attributeFilter: TAMPERED });
  }

  // Reports

  function tell(kind, detail = "") {
    if (!settings.report) return;
    const page = window.location.origin + window.location.pathname; // what follows may be private
    const said = { kind, time: new Date().toISOString(), page, detail };
    navigator.sendBeacon(new URL(settings.report, document.baseURI), JSON.stringify(said));
  }

  function heartbeat() {
    if (document.visibilityState !== "visible" || MODES.some(whatIsWrong)) return;
    toldAt = Date.now();
    tell("heartbeat");
  }

  function tick() {
    check();
    stayAbove(document.querySelectorAll(ABOVE));
    if (shown && MODES.some((mode) => layers.get(mode).density !== density(layers.get(mode).host))) MODES.forEach(paint);
    if (Date.now() >= dueAt) renew();
    if (shown && Date.now() >= toldAt + HEARTBEAT_MS) heartbeat();
  }

  if (isMarkedAbove()) return;
  Object.defineProperty(window, MARKED, { value: true });
  // Dialogs in shadow trees are met by the focus that they take; the others by their own events.
  for (const event of ["toggle", "close", "fullscreenchange", "focusin"]) {
    document.addEventListener(event, (met) => stayAbove(met.composedPath()), true);
  }
  followDensity();
  setInterval(tick, CHECK_MS);
  tick();
})();
