/** The OpenAPI 3.1 document, from the same zod schemas that check the requests. */
import { z } from "zod";
import type { Route } from "./route.ts";
import { problemSchema } from "./problem-schema.ts";

type Json = Record<string, unknown>;

export function openApiDocument(routes: readonly Route[], serverUrl: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Secretária control plane",
      version: "1.0.0",
      description: "Provision, watch and remove companies.",
    },
    servers: [{ url: serverUrl }],
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      schemas: { Problem: jsonSchema(problemSchema, "output") },
    },
  };
}

function operationOf(route: Route): Json {
  const body =
    route.body === undefined
      ? {}
      : {
          requestBody: {
            required: !route.body.safeParse(undefined).success,
            content: json(jsonSchema(route.body, "input")),
          },
        };
  return {
    operationId: `${route.method}${route.path.replace(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    tags: [route.tag],
    summary: route.summary,
    ...(route.auth === "user" ? { security: [{ bearer: [] }] } : {}),
    parameters: [...parametersOf(route.params, "path"), ...parametersOf(route.query, "query"), ...headersOf(route)],
    ...body,
    responses: { ...answersOf(route), default: { description: "An error", content: problem } },
  };
}

function answersOf(route: Route): Json {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, schema, type }]) => {
      const content = schema
        ? { content: json(jsonSchema(schema, "output")) }
        : type
          ? { content: { [type]: {} } }
          : {};
      return [status, { description, ...content }];
    }),
  );
}

function parametersOf(schema: z.ZodType | undefined, place: "path" | "query"): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, "input") as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: property,
  }));
}

function headersOf(route: Route): Json[] {
  return Object.entries(route.headers ?? {}).map(([name, description]) => ({
    name,
    in: "header",
    description,
    required: false,
    schema: { type: "string" },
  }));
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    target: "draft-2020-12",
    unrepresentable: "any",
  }) as Json;
  return rest;
}

const json = (schema: Json): Json => ({ "application/json": { schema } });
const problem = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
