//! The errors of the generator: each case changes one thing in a valid spec, and checks the message.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use tenant_registry_codegen::generate;

const SPEC: &str = include_str!("golden/values/spec/openapi.yaml");
const BODIES: &str = include_str!("golden/bodies/spec/openapi.yaml");
const ADMISSION: &str = include_str!("golden/admission/spec/openapi.yaml");
const ROUTING: &str = include_str!("golden/routing/spec/openapi.yaml");

/// Replaces the first `from` in the spec and checks the message, which names line, place and operation.
fn assert_error(spec: &str, from: &str, to: &str, message: &str) {
    assert!(spec.contains(from), "the case is out of date: {from}");
    let line = spec[..spec.find(from).unwrap_or_default()].lines().count();
    match generate(&spec.replacen(from, to, 1)) {
        Ok(_) => panic!("accepted: {to}"),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(message), "{text}\n  does not say\n{message}");
            assert!(
                error.line == 0 || error.line.abs_diff(line) < 40,
                "line {} is far from {line}: {text}",
                error.line
            );
        }
    }
}

#[test]
fn the_original_specs_are_accepted() {
    for spec in [SPEC, BODIES, ROUTING, ADMISSION] {
        if let Err(error) = generate(spec) {
            panic!("{error}");
        }
    }
}

#[test]
fn operations_that_cannot_become_commands() {
    assert_error(
        SPEC,
        "name: text, schema: { type: string }",
        "name: text, schema: { $ref: \"#/components/schemas/Password\" }",
        "operation `sample_exchange`: the parameter `text` is a secret",
    );
    assert_error(
        BODIES,
        "operationId: letter_amend",
        "operationId: send",
        "the operations `letter_send` and `send` would both become the command `letter send`",
    );
}

#[test]
fn invalid_documents() {
    assert_error(SPEC, "openapi: 3.1.0", "openapi: [", "not YAML");
    assert_error(
        SPEC,
        "openapi: 3.1.0",
        "openapi: 3.0.3",
        "the generator supports OpenAPI 3.1 only",
    );
    assert!(generate("").is_err());
    assert!(generate("[]").is_err());
    assert!(generate("openapi: &a 3.1.0\ninfo: *a").is_err());
}

#[test]
fn an_error_names_line_place_and_operation() {
    let error = generate(&SPEC.replacen("summary: Exchange samples.", "sumary: Exchange samples.", 1));
    assert_eq!(
        error.map_err(|error| error.to_string()).err().as_deref(),
        Some(
            "11:15: paths./samples/{id}.post.sumary: operation `sample_exchange`: `sumary` is not supported here; \
             supported are `operationId`, `tags`, `summary`, `description`, `parameters`, `requestBody`, `responses`, \
             `security`, `deprecated`, `externalDocs`"
        )
    );
}

#[test]
fn operations() {
    assert_error(
        SPEC,
        "operationId: sample_exchange",
        "operationId: sampleExchange",
        "lower_snake_case",
    );
    assert_error(
        SPEC,
        "operationId: sample_exchange",
        "operationId: fn",
        "a keyword of Rust",
    );
    assert_error(
        SPEC,
        "      operationId: sample_exchange\n",
        "",
        "`operationId` is missing",
    );
    assert_error(
        BODIES,
        "operationId: letter_amend",
        "operationId: letter_send",
        "is already used at",
    );
    assert_error(SPEC, "tags: [samples]", "tags: [sample]", "there is no tag `sample`");
    assert_error(SPEC, "    post:", "    trace:", "is not a supported method");
}

#[test]
fn parameters() {
    assert_error(
        SPEC,
        "in: query, name: colour",
        "in: cookie, name: colour",
        "parameters in `cookie`",
    );
    assert_error(
        SPEC,
        "in: query, name: colour",
        "in: header, name: colour",
        "the only supported parameter in `header`",
    );
    assert_error(SPEC, "/samples/{id}:", "/samples/{key}:", "the path's variable `key`");
    assert_error(
        SPEC,
        "/samples/{id}:",
        "/samples/{id}/{id}:",
        "occurs in the path twice",
    );
    assert_error(
        SPEC,
        "{ type: boolean, default: true }",
        "{ type: number }",
        "define this schema there",
    );
    assert_error(SPEC, "default: 1 }", "default: 0 }", "an integer within the bounds");
    assert_error(
        SPEC,
        "name: text, schema: { type: string }",
        "name: text, schema: { type: string, maxLength: 3 }",
        "a schema with constraints must have a name",
    );
}

#[test]
fn conditional_operations() {
    const PART: &str = "here a part of that is missing";
    assert_error(
        ROUTING,
        "      parameters: [{ $ref: \"#/components/parameters/Known\" }]\n",
        "",
        PART,
    );
    assert_error(
        ROUTING,
        "          description: The tallest.\n          headers: { ETag: { $ref: \"#/components/headers/Tag\" } }\n",
        "          description: The tallest.\n",
        PART,
    );
    assert_error(
        ROUTING,
        "        \"304\":\n          description: Still the same.\n          headers: { ETag: { $ref: \"#/components/headers/Tag\" } }\n",
        "",
        PART,
    );
    assert_error(ROUTING, "\"304\":", "\"202\":", PART);
    assert_error(
        ROUTING,
        "          description: Still the same.\n          headers: { ETag: { $ref: \"#/components/headers/Tag\" } }\n",
        "          description: Still the same.\n",
        PART,
    );
    assert_error(
        ROUTING,
        "    get:\n      operationId: tree_tallest",
        "    put:\n      operationId: tree_tallest",
        "only GET can be conditional",
    );
    assert_error(
        ROUTING,
        "name: If-None-Match,",
        "name: If-Match,",
        "the only supported parameter in `header`",
    );
    assert_error(
        ROUTING,
        "name: If-None-Match,",
        "name: If-None-Match, required: true,",
        "`If-None-Match` must be optional",
    );
    assert_error(
        ROUTING,
        "What the caller has., schema: { type: string }",
        "What the caller has., schema: { type: integer }",
        "an entity tag is text",
    );
    assert_error(
        ROUTING,
        "Names the answer., required: true,",
        "Names the answer.,",
        "the service always sends this header",
    );
    assert_error(
        ROUTING,
        "          description: Still the same.\n",
        "          description: Still the same.\n          content: {}\n",
        "304 cannot have content",
    );
    assert_error(
        ROUTING,
        "        height: { description: Metres., type: number }",
        "        height: { $ref: \"#/components/schemas/Secret\" }\n    Secret: { description: A secret., type: string, \
         format: password }",
        "it cannot be conditional",
    );
}

#[test]
fn operations_that_do_not_declare_400() {
    assert_error(
        ROUTING,
        "{ \"204\": { description: Put. }, \"400\": { $ref: \"#/components/responses/Refused\" } }",
        "{ \"204\": { description: Put. } }",
        "operation `leaf_put`: a request with an unknown or invalid parameter is rejected; declare 400",
    );
}

#[test]
fn bodies() {
    assert_error(
        BODIES,
        "application/json",
        "application/xml",
        "the media type `application/xml` is not supported",
    );
    assert_error(
        BODIES,
        "{ $ref: \"#/components/schemas/Letter\" }",
        "{ type: object }",
        "the schema of a body must have a name",
    );
    assert_error(
        BODIES,
        "        \"413\": { $ref: \"#/components/responses/Refused\" }\n",
        "",
        "of 413 and 415 only one is declared",
    );
    assert_error(
        BODIES,
        "      additionalProperties: false\n",
        "",
        "a request can contain this object; add `additionalProperties: false`",
    );
    assert_error(
        BODIES,
        "      additionalProperties: false\n",
        "      additionalProperties: true\n",
        "only `false` is supported",
    );
    assert_error(
        SPEC,
        "    Part:\n      description: A part of what is sent.\n      type: object\n      additionalProperties: false\n",
        "    Part:\n      description: A part of what is sent.\n      type: object\n",
        "components.schemas.Part: a request can contain this object",
    );
    assert_error(
        SPEC,
        "      description: What comes back.\n",
        "      description: What comes back.\n      additionalProperties: false\n",
        "no request contains this object",
    );
}

#[test]
fn responses() {
    assert_error(BODIES, "\"202\":", "\"default\":", "list the status codes");
    assert_error(BODIES, "\"202\":", "\"299\":", "`299` is not a supported status code");
    assert_error(BODIES, "\"503\":", "\"204\":", "204 cannot have content");
    assert_error(BODIES, "\"503\":", "\"201\":", "2 responses below 400");
    assert_error(
        BODIES,
        "      required: true\n      schema: { type: integer",
        "      schema: { type: integer",
        "the service always sends this header",
    );
    assert_error(
        SPEC,
        "required: [error, message]",
        "required: [error]",
        "components.schemas.Error",
    );
    assert_error(
        SPEC,
        "invalid_input, not_found, ",
        "invalid_input, ",
        "`not_found` is missing",
    );
}

#[test]
fn schemas() {
    assert_error(
        SPEC,
        "minLength: 2, maxLength: 8",
        "minLength: 9, maxLength: 8",
        "`minLength` is larger than `maxLength`",
    );
    assert_error(
        SPEC,
        "minimum: 1, maximum: 99",
        "minimum: 100, maximum: 99",
        "`minimum` is larger than `maximum`",
    );
    assert_error(
        SPEC,
        "minimum: 1, maximum: 99",
        "minimum: 1, maximum: 3000000000",
        "outside the range of the format",
    );
    assert_error(SPEC, "'^[\"#a-z]+$'", "'^[a-z'", "not an ECMAScript pattern");
    assert_error(
        SPEC,
        "format: date-time }\n    Day",
        "format: date-time, maxLength: 3 }\n    Day",
        "defines the text completely",
    );
    assert_error(
        SPEC,
        "enum: [deep-red, green]",
        "enum: [deep-red, deep_red]",
        "would both become the variant `DeepRed`",
    );
    assert_error(
        SPEC,
        "enum: [deep-red, green]",
        "enum: []",
        "must have at least one value",
    );
    assert_error(SPEC, "    Colour:", "    colour:", "there is no schema `Colour`");
    assert_error(
        SPEC,
        "type: integer, minimum: -273",
        "type: integer, multipleOf: 2",
        "`multipleOf` is not supported",
    );
    assert_error(
        SPEC,
        "description: What is sent.",
        "allOf: []",
        "a schema must have a `description`",
    );
    assert_error(SPEC, "default: green", "default: blue", "one of the enum's values");
    assert_error(SPEC, "default: word", "default: w", "allowed by the schema's own rules");
    assert_error(
        SPEC,
        "        word: {",
        "        Word: {",
        "there is no property `word`",
    );
    assert_error(
        SPEC,
        "type: [string, \"null\"], format: date,",
        "type: [string, integer],",
        "the only supported list of types is [a type, \"null\"]",
    );
}

#[test]
fn operations_without_security() {
    assert_error(
        ADMISSION,
        "      security: []\n",
        "",
        "operation `door_count`: `security` is missing; name the required scopes, or write `security: []` for a public operation",
    );
    assert_error(
        ADMISSION,
        "tags:\n",
        "security: []\ntags:\n",
        "declare `security` in each operation",
    );
    let doors = "security: [{ bearer: [doors:see] }]";
    for (security, message) in [
        ("security: [{}]", "exactly one security scheme is expected here"),
        (
            "security: [{ bearer: [doors:see] }, {}]",
            "alternatives are not supported",
        ),
        (
            "security: [{ basic: [doors:see] }]",
            "there is no `basic` under components.securitySchemes",
        ),
        ("security: [{ bearer: [] }]", "a token without scopes would be accepted"),
        (
            "security: [{ bearer: [doors:paint] }]",
            "`doors:paint` is not among the `x-scopes` of `bearer`",
        ),
        (
            "security: [{ bearer: [doors:see, doors:see] }]",
            "`doors:see` is listed twice",
        ),
        ("security: []", "401 is declared, but the operation is public"),
    ] {
        assert_error(ADMISSION, doors, security, message);
    }
}

#[test]
fn missing_responses_for_unauthorized_callers() {
    for (status, message) in [
        ("401", "the operation is secured; declare 401"),
        ("403", "the operation is secured; declare 403"),
        ("429", "of 429 and 503 only one is declared"),
    ] {
        let line = ADMISSION
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("\"{status}\"")))
            .unwrap_or_default();
        assert_error(ADMISSION, &format!("{line}\n"), "", message);
    }
    assert_error(
        ADMISSION,
        "        WWW-Authenticate: { description: What is missing., required: true, schema: { type: string } }\n",
        "        Retry-After: { required: true, schema: { type: integer, format: int32 } }\n",
        "401 must have the header `WWW-Authenticate`",
    );
    assert_error(
        ADMISSION,
        "WWW-Authenticate: { description: What is missing., required: true,",
        "WWW-Authenticate: { description: What is missing.,",
        "the challenge is text that is always sent",
    );
    assert_error(
        ADMISSION,
        "        Retry-After: {",
        "        WWW-Authenticate: { required: true, schema: { type: string } }\n        Retry-After: {",
        "only 401 and 403 can have the header `WWW-Authenticate`",
    );
    assert_error(
        ADMISSION,
        "unsupported_media_type, unauthorized, forbidden]",
        "unsupported_media_type, unauthorized]",
        "`forbidden` is missing; the HTTP layer returns it",
    );
}

#[test]
fn schemes_that_are_not_bearer_tokens() {
    assert_error(
        ADMISSION,
        "scheme: bearer",
        "scheme: basic",
        "only bearer tokens are supported",
    );
    assert_error(
        ADMISSION,
        "doors:see: See doors.",
        "\"doors see\": See doors.",
        "`doors see` becomes a Rust type",
    );
    assert_error(
        ADMISSION,
        "doors:open: Open doors.",
        "doors-see: Open doors.",
        "the scope `doors-see` is listed twice",
    );
}
