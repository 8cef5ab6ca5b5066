import { followOperation } from "./live.js";

followOperation();
