import { expect } from "chai";
import type { AppError } from "../errors.ts";
import { checkStatement } from "./allowed-statement.ts";

const isAllowed = (sql: string): boolean => {
  try {
    checkStatement(sql);
    return true;
  } catch (error) {
    expect((error as AppError).code).to.equal("statement-not-allowed");
    return false;
  }
};

describe("the statements of a tenant's handle", () => {
  it("read and write rows, however they are written", () => {
    const statements = [
      "select 1",
      "SELECT * FROM customers",
      "\t\r\n\f\v SeLeCt 1",
      "((select 1) union (select 2))",
      "-- why\nSELECT 1",
      "-- why\rSELECT 1",
      "/* a /* nested */ comment */ SELECT 1",
      "/**/select/**/1",
      "( -- odd\n ( /* very */ select 1))",
      "insert into customers (name) values (?)",
      "update customers set name = 'SET ROLE x'",
      "delete from customers",
      "MERGE INTO customers USING new ON true WHEN MATCHED THEN DO NOTHING",
      "WITH x AS (SELECT 1) SELECT * FROM x",
      "values (1), (2)",
      "TABLE customers",
      "select/*x*/set_config",
      "SHOW TimeZone",
      "lock table customers",
    ];
    for (const sql of statements) expect(isAllowed(sql), sql).to.equal(true);
  });

  it("may be explained, with and without options", () => {
    for (const sql of [
      "EXPLAIN SELECT 1",
      "explain analyze verbose select 1",
      "EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1",
      "explain (analyze) /* x */ (select 1)",
      "EXPLAIN (SELECT 1)",
      "explain (with x as (select 1) select * from x)",
    ])
      expect(isAllowed(sql), sql).to.equal(true);
    for (const sql of [
      "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
      "EXPLAIN (ANALYZE) EXECUTE kept",
      "explain analyze declare c cursor with hold for select 1",
      "explain (analyze /* ) select */) execute kept",
      "explain",
      "explain (",
    ])
      expect(isAllowed(sql), sql).to.equal(false);
  });

  it("may be savepoints, and never the beginning or end of a transaction", () => {
    for (const sql of [
      "SAVEPOINT trx2;",
      "RELEASE SAVEPOINT trx2;",
      "release trx2",
      "ROLLBACK TO SAVEPOINT trx2",
      "rollback work to trx2",
      "ROLLBACK /* back */ TRANSACTION TO trx2",
    ])
      expect(isAllowed(sql), sql).to.equal(true);
    for (const sql of [
      "BEGIN",
      "BEGIN;",
      "START TRANSACTION",
      "COMMIT",
      "COMMIT;",
      "commit and chain",
      "END",
      "ABORT",
      "ROLLBACK",
      "ROLLBACK;",
      "rollback and chain",
      "rollback work",
      "rollback/*to*/",
      "ROLLBACK PREPARED 'to'",
      "PREPARE TRANSACTION 'x'",
    ])
      expect(isAllowed(sql), sql).to.equal(false);
  });

  it("are nothing else, behind whatever they hide", () => {
    const statements = [
      "SET ROLE tenant_2",
      "set local role tenant_2",
      "SET SESSION AUTHORIZATION secretaria_runtime",
      "RESET ROLE",
      "reset all",
      "DISCARD ALL",
      "DO $$ BEGIN END $$",
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "CREATE TABLE x (id int)",
      "create temp table x (id int)",
      "ALTER ROLE CURRENT_USER PASSWORD 'x'",
      "DROP TABLE customers",
      "TRUNCATE customers",
      "GRANT SELECT ON customers TO PUBLIC",
      "COPY customers TO STDOUT",
      "COPY customers TO PROGRAM 'sh'",
      "CALL p()",
      "PREPARE kept AS SELECT 1",
      "EXECUTE kept",
      "DEALLOCATE ALL",
      "DECLARE c CURSOR FOR SELECT 1",
      "FETCH ALL FROM c",
      "LISTEN secretaria_registry",
      "NOTIFY secretaria_registry, '1'",
      "LOAD 'x'",
      "IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z",
      "VACUUM",
      "ANALYZE",
      "/* select */ SET ROLE tenant_2",
      "/* /* */ select */ SET ROLE tenant_2",
      "-- select\nSET ROLE tenant_2",
      "--\rSET ROLE tenant_2 -- \nselect",
      "(((SET ROLE tenant_2",
      "/* select 1",
      "-- select 1",
      'U&"select"',
      "U&'select' 1",
      '"select" 1',
      "'select'",
      "selectx",
      "select$1",
      "ſelect 1",
      "\u00a0select 1",
      "\ufeffselect 1",
      "\u2028select 1",
      ";select 1",
      "$1",
      "",
      "   ",
    ];
    for (const sql of statements) expect(isAllowed(sql), sql).to.equal(false);
  });

  it("are refused without a word of what else they say", () => {
    expect(() => checkStatement("SET ROLE secret_name")).to.throw(/^SET is not for a tenant's handle/);
    expect(() => checkStatement("'secret'")).to.throw(/^what it begins with is not/);
  });
});
