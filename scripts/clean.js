// Removes what a build leaves behind, so that nothing that was deleted from src/ is packed.
const { rmSync } = require("node:fs");

rmSync("dist", { recursive: true, force: true });
