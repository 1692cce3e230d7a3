// A running console: reads by HTTP, hears of what happens by server-sent events.

async function asked(response) {
  const text = await response.text();
  if (!response.ok) throw new Error(text || response.statusText);
  return JSON.parse(text);
}

const query = (values) => new URLSearchParams(values).toString();

export const acts = true;

export async function read(what, values = {}) {
  return asked(await fetch(`/api/${what}?${query(values)}`));
}

export async function act(what, values = {}) {
  return asked(await fetch(`/api/act/${what}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(values),
  }));
}

export function listen(heard) {
  const source = new EventSource("/api/stream");
  for (const name of ["graph", "frame", "accounting"]) {
    source.addEventListener(name, (event) => heard[name](JSON.parse(event.data)));
  }
  source.addEventListener("open", async () => {
    heard.state("live");
    // What happened before the stream was open, or while it was broken.
    heard.graph(await read("graph"));
    heard.frame(await read("snapshot"));
  });
  source.addEventListener("error", () => heard.state("not connected"));
}

export function follow(node, lines) {
  const source = new EventSource(`/api/logs?${query({ node })}`);
  source.addEventListener("lines", (event) => lines(JSON.parse(event.data)));
  return () => source.close();
}
