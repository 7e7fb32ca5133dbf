export { type Sandbox, sandbox } from "./sandbox";
