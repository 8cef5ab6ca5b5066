import { followCompany } from "./live.js";

followCompany();
