// Draws Vega specifications from standard input, each with what Vega warns of. Nothing is fetched.
const vega = require('vega');

async function draw({ spec, width, height, background }) {
  const warnings = [];
  const note = (...args) => { warnings.push(args.join(' ')); return logger; };
  const silent = () => logger;
  const logger = { level: () => logger, error: note, warn: note, info: silent, debug: silent };
  const loader = vega.loader();
  loader.load = async (uri) => { throw new Error(`nothing is to be fetched: ${uri}`); };
  const runtime = vega.parse({ ...spec, width, height, background: background ?? spec.background });
  const view = new vega.View(runtime, { renderer: 'none', logger, loader });
  await view.runAsync();
  const data = {};
  for (const { name } of spec.data) {
    data[name] = (view.data(name) ?? []).map((row) => Object.fromEntries(
      Object.entries(row).filter(([, value]) => value === null || typeof value !== 'object')));
  }
  return { svg: await view.toSVG(), warnings, data };
}

let text = '';
process.stdin.on('data', (part) => { text += part; });
process.stdin.on('end', async () => {
  try {
    const drawn = [];
    for (const one of JSON.parse(text)) drawn.push(await draw(one));
    process.stdout.write(JSON.stringify(drawn));
  } catch (error) {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  }
});
