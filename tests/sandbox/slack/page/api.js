// The page's only way to the sandbox: its browser API, and the stream of what happens. It draws nothing.

const RETRY_AFTER = 1000; // milliseconds

async function ask(path, options = {}) {
  const response = await fetch(path, options).catch((cause) => {
    throw new Error("The sandbox does not answer. Is it still running?", { cause });
  });
  if (!response.ok) throw new Error(`The sandbox answered ${response.status} to ${path.split("?")[0]}.`);
  return response.json();
}

const get = (path, query = {}) => ask(`${path}?${new URLSearchParams(query)}`);

const post = (path, body) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    keepalive: true,
  });

export const world = (user) => get("/page/world", { user });
export const whoami = (user) => post("/page/whoami", { user });
export const messages = (user, channel) => get("/page/messages", { user, channel });
export const openHome = (user) => post("/page/home", { user });
export const send = (user, channel, text) => post("/page/send", { user, channel, text });
export const press = (body) => post("/page/press", body);
export const submit = (user, viewId, state) => post("/page/submit", { user, view_id: viewId, state });
export const close = (user, viewId) => post("/page/close", { user, view_id: viewId });
export const switches = () => get("/page/switches");
export const setSwitch = (id, value) => post(`/page/switches/${encodeURIComponent(id)}`, { value });
export const clock = () => get("/page/clock");
export const phone = (user) => get("/page/phone", { user });

/**
 * Calls `onOpen` at each (re)connection, `onEvent` for each event, `onLost` when the line breaks;
 * returns a function that ends it.
 * A browser gives an EventSource up for good when the server answers with an error, so that case is
 * retried here.
 */
export function stream(user, { onOpen, onEvent, onLost }) {
  let source = null;
  let timer = 0;
  const connect = () => {
    source = new EventSource(`/page/stream?${new URLSearchParams({ user })}`);
    source.addEventListener("open", onOpen);
    source.addEventListener("message", (event) => onEvent(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      onLost();
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, RETRY_AFTER);
    });
  };
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
