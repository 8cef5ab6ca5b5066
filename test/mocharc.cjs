/** `npm test`: the compiled suite, files side by side. One file by itself: `npx mocha test/NAME.test.ts` (.mocharc.json). */
const compiled = "node_modules/.cache/secretaria-test";

// Processor time is what the suite costs most of: two cores are kept busy by four files, for each waits at times.
const jobs = Number(process.env.TEST_JOBS || 4);
process.env.TEST_JOBS = String(jobs);

/** The longest first: begun last, one of them would be waited for while a core has nothing to do. */
const long = [
  "run-migrations",
  "panel-lifecycle",
  "chaos",
  "storm",
  "panel-inspection",
  "isolation-attacks",
  "archive-import",
  "crash",
  "fleet-verify-repair",
  "provision-races",
  "package",
  "soak",
];

module.exports = {
  "node-option": ["enable-source-maps"],
  require: ["global", "titles"].map((name) => `${compiled}/test/support/${name}.js`),
  spec: [
    ...long.map((name) => `${compiled}/test/${name}.test.js`),
    `${compiled}/test/!(${long.join("|")}).test.js`,
    ...["core", "control-plane", "tenant-runtime"].map((area) => `${compiled}/${area}/**/*.test.js`),
  ],
  parallel: true,
  jobs,
  timeout: 60_000,
  slow: 5_000,
};
