/**
 * The environment for child processes whose output is read: where Jest's own output has colours, its workers ask all
 * that they start for colours as well.
 */
export const plainEnvironment: NodeJS.ProcessEnv = { ...process.env, FORCE_COLOR: "0" };
