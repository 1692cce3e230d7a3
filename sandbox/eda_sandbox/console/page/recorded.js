// A run that is over, from what the page has with it: it is played as it was, and what was read then can be read.

const recording = JSON.parse(document.getElementById("recording")?.textContent ?? "null");
const key = (what, values) => [what, ...Object.keys(values).sort().map((name) => values[name])].join("\n");

export const acts = false;

export async function read(what, values = {}) {
  const found = recording.read[key(what, values)];
  if (found === undefined) throw new Error("This was not recorded.");
  return found;
}

export async function act() {
  throw new Error("This is a recording.");
}

export function listen(heard) {
  const events = recording.events;
  let place = 0;
  heard.state("recording");
  const play = () => {
    const [at, name, value] = events[place];
    heard[name](value);
    place += 1;
    if (place < events.length) setTimeout(play, Math.min(2000, 1000 * (events[place][0] - at)));
    else heard.state("recording, ended");
  };
  if (events.length) play();
}

export function follow(node, lines) {
  lines(recording.read[key("logs", { node })] ?? []);
  return () => {};
}
