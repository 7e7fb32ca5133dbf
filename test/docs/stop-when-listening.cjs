// Preloaded into a program of the documents: a server listens on any port, and is told to stop as soon as it does.
const { Server } = require("node:net");

const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  this.once("listening", () => setImmediate(() => process.kill(process.pid, "SIGTERM")));
  return listen.call(this, typeof port === "number" ? 0 : port, ...rest);
};
