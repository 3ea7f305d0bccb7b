//! What the generator refuses, and in which words: each case breaks one thing of a spec that it accepts.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use tenant_registry_codegen::generate;

const SPEC: &str = include_str!("golden/values/spec/openapi.yaml");
const BODIES: &str = include_str!("golden/bodies/spec/openapi.yaml");
const ADMISSION: &str = include_str!("golden/admission/spec/openapi.yaml");
const ROUTING: &str = include_str!("golden/routing/spec/openapi.yaml");

/// Replaces the first `from` in the spec and checks the message, which names line, place and operation.
fn assert_refused(spec: &str, from: &str, to: &str, message: &str) {
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
fn the_specs_themselves_are_accepted() {
    for spec in [SPEC, BODIES, ROUTING, ADMISSION] {
        if let Err(error) = generate(spec) {
            panic!("{error}");
        }
    }
}

#[test]
fn what_makes_no_command() {
    assert_refused(
        SPEC,
        "name: text, schema: { type: string }",
        "name: text, schema: { $ref: \"#/components/schemas/Password\" }",
        "operation `sample_exchange`: the parameter `text` is a secret",
    );
    assert_refused(
        BODIES,
        "operationId: letter_amend",
        "operationId: send",
        "the operations `letter_send` and `send` would both become the command `letter send`",
    );
}

#[test]
fn documents_that_are_none() {
    assert_refused(SPEC, "openapi: 3.1.0", "openapi: [", "not YAML");
    assert_refused(
        SPEC,
        "openapi: 3.1.0",
        "openapi: 3.0.3",
        "the generator reads OpenAPI 3.1",
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
    assert_refused(
        SPEC,
        "operationId: sample_exchange",
        "operationId: sampleExchange",
        "lower_snake_case",
    );
    assert_refused(
        SPEC,
        "operationId: sample_exchange",
        "operationId: fn",
        "a word of the Rust language",
    );
    assert_refused(
        SPEC,
        "      operationId: sample_exchange\n",
        "",
        "`operationId` is missing",
    );
    assert_refused(
        BODIES,
        "operationId: letter_amend",
        "operationId: letter_send",
        "is used at",
    );
    assert_refused(SPEC, "tags: [samples]", "tags: [sample]", "there is no tag `sample`");
    assert_refused(
        SPEC,
        "    post:",
        "    trace:",
        "is not a method that the generator supports",
    );
}

#[test]
fn parameters() {
    assert_refused(
        SPEC,
        "in: query, name: colour",
        "in: cookie, name: colour",
        "parameters in `cookie`",
    );
    assert_refused(
        SPEC,
        "in: query, name: colour",
        "in: header, name: colour",
        "parameters in `header`",
    );
    assert_refused(SPEC, "/samples/{id}:", "/samples/{key}:", "the path's variable `key`");
    assert_refused(
        SPEC,
        "/samples/{id}:",
        "/samples/{id}/{id}:",
        "stands in the path twice",
    );
    assert_refused(
        SPEC,
        "{ type: boolean, default: true }",
        "{ type: number }",
        "define this schema there",
    );
    assert_refused(SPEC, "default: 1 }", "default: 0 }", "an integer within the bounds");
    assert_refused(
        SPEC,
        "name: text, schema: { type: string }",
        "name: text, schema: { type: string, maxLength: 3 }",
        "gets a type of its own",
    );
}

/// A part of it would be a promise that nobody keeps.
#[test]
fn conditional_operations() {
    const PART: &str = "here is a part of that alone";
    assert_refused(
        ROUTING,
        "      parameters: [{ $ref: \"#/components/parameters/Known\" }]\n",
        "",
        PART,
    );
    assert_refused(
        ROUTING,
        "          description: The tallest.\n          headers: { ETag: { $ref: \"#/components/headers/Tag\" } }\n",
        "          description: The tallest.\n",
        PART,
    );
    assert_refused(
        ROUTING,
        "        \"304\":\n          description: Still the same.\n          headers: { ETag: { $ref: \"#/components/headers/Tag\" } }\n",
        "",
        PART,
    );
    assert_refused(ROUTING, "\"304\":", "\"202\":", PART);
    assert_refused(
        ROUTING,
        "          description: Still the same.\n          headers: { ETag: { $ref: \"#/components/headers/Tag\" } }\n",
        "          description: Still the same.\n",
        PART,
    );
    assert_refused(
        ROUTING,
        "    get:\n      operationId: tree_tallest",
        "    put:\n      operationId: tree_tallest",
        "only GET can be conditional",
    );
    assert_refused(
        ROUTING,
        "name: If-None-Match,",
        "name: If-Match,",
        "parameters in `header`",
    );
    assert_refused(
        ROUTING,
        "name: If-None-Match,",
        "name: If-None-Match, required: true,",
        "`If-None-Match` is optional",
    );
    assert_refused(
        ROUTING,
        "What the caller has., schema: { type: string }",
        "What the caller has., schema: { type: integer }",
        "tags are text",
    );
    assert_refused(
        ROUTING,
        "Names the answer., required: true,",
        "Names the answer.,",
        "a response header is sent always",
    );
    assert_refused(
        ROUTING,
        "          description: Still the same.\n",
        "          description: Still the same.\n          content: {}\n",
        "304 has no content",
    );
    assert_refused(
        ROUTING,
        "        height: { description: Metres., type: number }",
        "        height: { $ref: \"#/components/schemas/Secret\" }\n    Secret: { description: A secret., type: string, \
         format: password }",
        "it cannot be conditional",
    );
}

#[test]
fn bodies() {
    assert_refused(
        BODIES,
        "application/json",
        "application/xml",
        "`application/xml` is not supported",
    );
    assert_refused(
        BODIES,
        "{ $ref: \"#/components/schemas/Letter\" }",
        "{ type: object }",
        "a body has a name of its own",
    );
    assert_refused(
        BODIES,
        "        \"413\": { $ref: \"#/components/responses/Refused\" }\n",
        "",
        "of 400, 413 and 415 only [400, 415]",
    );
}

#[test]
fn responses() {
    assert_refused(BODIES, "\"202\":", "\"default\":", "list the codes");
    assert_refused(BODIES, "\"202\":", "\"299\":", "`299` is not a status code");
    assert_refused(BODIES, "\"503\":", "\"204\":", "204 has no content");
    assert_refused(BODIES, "\"503\":", "\"201\":", "2 answers below 400");
    assert_refused(
        BODIES,
        "      required: true\n      schema: { type: integer",
        "      schema: { type: integer",
        "a response header is sent always",
    );
    assert_refused(
        SPEC,
        "required: [error, message]",
        "required: [error]",
        "components.schemas.Error",
    );
    assert_refused(
        SPEC,
        "invalid_input, not_found, ",
        "invalid_input, ",
        "`not_found` is missing",
    );
}

#[test]
fn schemas() {
    assert_refused(
        SPEC,
        "minLength: 2, maxLength: 8",
        "minLength: 9, maxLength: 8",
        "no text is as long as",
    );
    assert_refused(
        SPEC,
        "minimum: 1, maximum: 99",
        "minimum: 100, maximum: 99",
        "no number is both",
    );
    assert_refused(
        SPEC,
        "minimum: 1, maximum: 99",
        "minimum: 1, maximum: 3000000000",
        "outside of what the format can hold",
    );
    assert_refused(SPEC, "'^[\"#a-z]+$'", "'^[a-z'", "not an ECMAScript pattern");
    assert_refused(
        SPEC,
        "format: date-time }\n    Day",
        "format: date-time, maxLength: 3 }\n    Day",
        "says all",
    );
    assert_refused(
        SPEC,
        "enum: [deep-red, green]",
        "enum: [deep-red, deep_red]",
        "would both become the variant `DeepRed`",
    );
    assert_refused(SPEC, "enum: [deep-red, green]", "enum: []", "at least one value");
    assert_refused(SPEC, "    Colour:", "    colour:", "there is no schema `Colour`");
    assert_refused(
        SPEC,
        "type: integer, minimum: -273",
        "type: integer, multipleOf: 2",
        "`multipleOf` is not supported",
    );
    assert_refused(
        SPEC,
        "description: What is sent.",
        "allOf: []",
        "a schema has a `description`",
    );
    assert_refused(SPEC, "default: green", "default: blue", "one of the enum's values");
    assert_refused(SPEC, "default: word", "default: w", "allowed by the schema's own rules");
    assert_refused(
        SPEC,
        "        word: {",
        "        Word: {",
        "there is no property `word`",
    );
    assert_refused(
        SPEC,
        "type: [string, \"null\"], format: date,",
        "type: [string, integer],",
        "[a type, \"null\"] alone",
    );
}

#[test]
fn operations_that_do_not_say_who_may_call() {
    assert_refused(
        ADMISSION,
        "      security: []\n",
        "",
        "operation `door_count`: `security` is missing: say who may call this, or `security: []` for anybody",
    );
    assert_refused(
        ADMISSION,
        "tags:\n",
        "security: []\ntags:\n",
        "`security` belongs to each operation",
    );
    let doors = "security: [{ bearer: [doors:see] }]";
    for (security, message) in [
        ("security: [{}]", "one security scheme is expected here"),
        (
            "security: [{ bearer: [doors:see] }, {}]",
            "there is one way to be let in",
        ),
        (
            "security: [{ basic: [doors:see] }]",
            "there is no `basic` under components.securitySchemes",
        ),
        ("security: [{ bearer: [] }]", "a token that allows nothing would do"),
        (
            "security: [{ bearer: [doors:paint] }]",
            "`doors:paint` is not among the `x-scopes` of `bearer`",
        ),
        (
            "security: [{ bearer: [doors:see, doors:see] }]",
            "`doors:see` stands here twice",
        ),
        ("security: []", "401 is declared, but nobody is asked who they are"),
    ] {
        assert_refused(ADMISSION, doors, security, message);
    }
}

#[test]
fn callers_who_cannot_be_turned_away() {
    for (status, message) in [
        ("401", "401 is not declared, but not everybody may call this"),
        ("403", "403 is not declared, but not everybody may call this"),
        ("429", "of 429 and 503 one is declared"),
    ] {
        let line = ADMISSION
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("\"{status}\"")))
            .unwrap_or_default();
        assert_refused(ADMISSION, &format!("{line}\n"), "", message);
    }
    assert_refused(
        ADMISSION,
        "        WWW-Authenticate: { description: What is missing., required: true, schema: { type: string } }\n",
        "        Retry-After: { required: true, schema: { type: integer, format: int32 } }\n",
        "401 says by the header `WWW-Authenticate` what is missing",
    );
    assert_refused(
        ADMISSION,
        "WWW-Authenticate: { description: What is missing., required: true,",
        "WWW-Authenticate: { description: What is missing.,",
        "the challenge is text, and always sent",
    );
    assert_refused(
        ADMISSION,
        "        Retry-After: {",
        "        WWW-Authenticate: { required: true, schema: { type: string } }\n        Retry-After: {",
        "`WWW-Authenticate` belongs to 401 and 403",
    );
    assert_refused(
        ADMISSION,
        "unsupported_media_type, unauthorized, forbidden]",
        "unsupported_media_type, unauthorized]",
        "`forbidden` is missing; the HTTP layer answers it",
    );
}

#[test]
fn schemes_that_are_not_bearer_tokens() {
    assert_refused(
        ADMISSION,
        "scheme: bearer",
        "scheme: basic",
        "callers show bearer tokens",
    );
    assert_refused(
        ADMISSION,
        "doors:see: See doors.",
        "\"doors see\": See doors.",
        "`doors see` becomes the name of a type",
    );
    assert_refused(
        ADMISSION,
        "doors:open: Open doors.",
        "doors-see: Open doors.",
        "there is another `doors-see`",
    );
}
