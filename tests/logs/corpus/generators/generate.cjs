// Writes 40 lines with one of JavaScript's logging libraries, every second one an error's: node generate.cjs MODULES LIBRARY.
"use strict";
const path = require("node:path");
const [modules, library] = process.argv.slice(2);
const load = (name) => require(path.join(modules, "node_modules", name));

function pino() {
  return load("pino")({}, load("pino").destination({ sync: true }));
}

function winston(format) {
  const { createLogger, transports, format: formats } = load("winston");
  return createLogger({ level: "silly", format: format(formats), transports: [new transports.Console()] });
}

function log4js(layout) {
  const log4js = load("log4js");
  log4js.configure({
    appenders: { out: { type: "stdout", layout } },
    categories: { default: { appenders: ["out"], level: "trace" } },
  });
  return log4js.getLogger();
}

const LIBRARIES = {
  pino,
  bunyan: () => load("bunyan").createLogger({ name: "app" }),
  "winston-json": () => winston((f) => f.combine(f.timestamp(), f.json())),
  "winston-simple": () => winston((f) => f.simple()),
  "winston-printf": () =>
    winston((f) => f.combine(f.timestamp(), f.printf((each) => `${each.timestamp} [app] ${each.level}: ${each.message}`))),
  log4js: () => log4js({ type: "basic" }),
};

const logger = LIBRARIES[library]();
for (let number = 0; number < 40; number += 1) {
  const level = number % 2 === 1 ? "error" : number % 4 === 0 ? "info" : "warn";
  logger[level](`lead ${number} was looked at`);
}
