// Nothing is imported before this check: an old Node would stop at the syntax of what follows and say so in its own words.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 11)) {
  process.stderr.write(`kubexm: Node.js >= 20.11 is needed, this is ${process.version}. Next: https://nodejs.org\n`);
  process.exit(1);
}
const { main } = await import('./program.js');
await main(process.argv.slice(2));
