import type { Node } from "libpg-query";
import { names, walk, type Trees } from "../analysis/syntax-tree.ts";

/** Functions of PostgreSQL that answer the same for every row of one statement; what is not named counts as volatile. */
const steady = new Set(
  (
    "now transaction_timestamp statement_timestamp current_setting timezone date_trunc date_part make_interval make_date " +
    "make_timestamp make_timestamptz to_timestamp to_date to_char to_number lower upper btrim ltrim rtrim concat concat_ws format " +
    "md5 sha256 encode decode convert_to length char_length abs ceil floor round trunc array_fill string_to_array array_append " +
    "jsonb_build_object jsonb_build_array json_build_object json_build_array to_json to_jsonb row_to_json int4range int8range " +
    "numrange tstzrange daterange bit_length greatest least nullif coalesce"
  ).split(" "),
);

/** Whether a default is computed for each row, which writes the whole table when its column is added. */
export function isVolatile(expression: Node | undefined): boolean {
  let found = false;
  walk(expression, (part) => {
    const call = part["FuncCall"] as Trees["FuncCall"] | undefined;
    if (call !== undefined && !steady.has(names(call.funcname).at(-1) ?? "")) found = true;
  });
  return found;
}
