//! The errors of the generator: each case changes one thing in a valid spec, and checks the message.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use tenant_registry_codegen::generate;

const SPEC: &str = include_str!("golden/values/spec/openapi.yaml");
const BODIES: &str = include_str!("golden/bodies/spec/openapi.yaml");
const ADMISSION: &str = include_str!("golden/admission/spec/openapi.yaml");
const NAMES: &str = include_str!("golden/names/spec/openapi.yaml");
const ROUTING: &str = include_str!("golden/routing/spec/openapi.yaml");

/// Replaces the first `from` in the spec and checks the message, which names line, place and operation.
fn assert_error(spec: &str, from: &str, to: &str, message: &str) {
    assert!(spec.contains(from), "the case is out of date: {from}");
    let line = spec[..spec.find(from).unwrap_or_default()].lines().count();
    match generate(&spec.replacen(from, to, 1), &[]) {
        Ok(_) => panic!("accepted: {to}"),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(message), "{text}\n  does not say\n{message}");
            for fault in error.faults() {
                assert!(
                    fault.line == 0 || fault.line.abs_diff(line) < 40,
                    "line {} is far from {line}: {text}",
                    fault.line
                );
            }
        }
    }
}

/// The errors of a spec, one for each line.
fn errors(spec: &str) -> Vec<String> {
    match generate(spec, &[]) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn the_original_specs_are_accepted() {
    for spec in [SPEC, BODIES, ROUTING, ADMISSION, NAMES] {
        if let Err(error) = generate(spec, &[]) {
            panic!("{error}");
        }
    }
}

#[test]
fn idempotency_keys() {
    let parameter = r##"      parameters:
        - in: header
          name: Idempotency-Key
          schema: { $ref: "#/components/schemas/Key" }
"##;
    let retry_after = r##"          headers:
            Retry-After: { schema: { type: integer, format: int32 } }
          content: { application/json: { schema: { $ref: "#/components/schemas/Error" } } }
        "413""##;
    let without_retry_after = retry_after.split_once("          content").unwrap_or_default().1;
    let replayed = "          headers:\n            Idempotency-Replayed: { schema: { type: boolean } }\n";
    let cases = [
        (
            parameter,
            String::new(),
            "`Idempotency-Replayed` marks the repeated response",
        ),
        (
            replayed,
            String::new(),
            "declare the header `Idempotency-Replayed` of the success",
        ),
        (
            "        \"422\": { $ref: \"#/components/responses/Rejected\" }\n",
            String::new(),
            "another request with the same `Idempotency-Key` is rejected; declare 422",
        ),
        (
            retry_after,
            format!("          content{without_retry_after}"),
            "a request whose first one is still running is rejected; declare 409 with the header `Retry-After`",
        ),
        (
            "Retry-After: { schema",
            "Retry-After: { required: true, schema".to_owned(),
            "the service sends this header only sometimes",
        ),
        (
            "Idempotency-Replayed: { schema",
            "Idempotency-Replayed: { required: true, schema".to_owned(),
            "the service sends this header only sometimes",
        ),
        (
            "{ schema: { type: boolean } }",
            "{ schema: { type: string } }".to_owned(),
            "`Idempotency-Replayed` is `true`; use `type: boolean`",
        ),
        (
            "name: Idempotency-Key\n",
            "name: Idempotency-Key\n          required: true\n".to_owned(),
            "`Idempotency-Key` must be optional",
        ),
        (
            "schema: { $ref: \"#/components/schemas/Key\" }",
            "schema: { type: string }".to_owned(),
            "the key is text with a pattern; define a schema for it",
        ),
        (
            "description: Open.\n",
            "description: Open.\n          headers: { ETag: { required: true, schema: { type: string } } }\n"
                .to_owned(),
            "a repeated response has one; declare `ETag` here, too",
        ),
        (
            "        \"201\":\n          description: Built.\n",
            "        \"200\":\n          description: It stood.\n          content: { application/json: { schema: { $ref: \
             \"#/components/schemas/Door\" } } }\n        \"201\":\n          description: Built.\n"
                .to_owned(),
            "declare a single success",
        ),
        (
            "conflict, idempotency_key_reused, ",
            "conflict, ".to_owned(),
            "`idempotency_key_reused` is missing; the HTTP layer returns it",
        ),
    ];
    for (from, to, message) in cases {
        assert_error(ADMISSION, from, &to, message);
    }
    let (before, keyed) = ADMISSION.split_once("  /doors/built:\n").unwrap_or_default();
    let assert_keyed_error = |from: &str, to: &str, message: &str| {
        assert!(keyed.contains(from), "the case is out of date: {from}");
        let spec = format!("{before}  /doors/built:\n{}", keyed.replacen(from, to, 1));
        let text = errors(&spec).join("\n");
        assert!(text.contains(message), "{text}\n  does not say\n{message}");
    };
    assert_keyed_error("    post:", "    put:", "only POST takes an `Idempotency-Key`");
    assert_keyed_error(
        "      security: [{ bearer: [doors:open] }]",
        "      security: []",
        "an `Idempotency-Key` belongs to a caller, but the operation is public",
    );
    assert_keyed_error(
        "        \"500\": { $ref: \"#/components/responses/Rejected\" }\n",
        "",
        "declare 429, 500 and 503",
    );
    assert_keyed_error(
        "        \"413\": { $ref: \"#/components/responses/Rejected\" }\n        \"415\": { $ref: \
         \"#/components/responses/Rejected\" }\n",
        "",
        "an invalid one is rejected; declare 413 and 415",
    );
    assert_keyed_error(
        "        colour: { description: Its colour., type: string }",
        "        colour: { description: Its colour., $ref: \"#/components/schemas/Secret\" }\n    Secret: { description: \
         A secret., type: string, format: password }",
        "the success contains a secret and must not be stored, so it is not repeated",
    );
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
        "operationId: probe",
        "the operations `letter_probe` and `probe` would both become the command `letter probe`",
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
    assert!(generate("", &[]).is_err());
    assert!(generate("[]", &[]).is_err());
    assert!(generate("openapi: &a 3.1.0\ninfo: *a", &[]).is_err());
}

#[test]
fn paths_that_differ_only_in_the_names_of_variables() {
    assert_error(
        ROUTING,
        "/trees/tallest:",
        "/trees/{name}:",
        "`/trees/{name}` and `/trees/{id}` are the same path",
    );
}

#[test]
fn a_spec_without_operations() {
    let (start, rest) = ROUTING.split_once("paths:\n").unwrap_or_default();
    let end = rest.find("components:\n").unwrap_or_default();
    let spec = format!("{start}paths: {{}}\n{}", &rest[end..]);
    assert_eq!(errors(&spec), ["6:8: paths: the spec has no operation; add one"]);
}

#[test]
fn an_error_names_line_place_and_operation() {
    let error = generate(
        &SPEC.replacen("summary: Exchange samples.", "sumary: Exchange samples.", 1),
        &[],
    );
    assert_eq!(
        error.map_err(|error| error.to_string()).err().as_deref(),
        Some(
            "8:7: paths./samples/{id}.post: operation `sample_exchange`: `summary` is missing here\n\
             11:15: paths./samples/{id}.post.sumary: operation `sample_exchange`: `sumary` is not supported here; \
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
        "the only supported parameters in `header`",
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
        "name: If-Unmodified-Since,",
        "the only supported parameters in `header` are `If-Match`, `If-None-Match`, `Idempotency-Key`",
    );
    assert_error(
        ROUTING,
        "parameters: [{ $ref: \"#/components/parameters/Known\" }]",
        "parameters: [{ $ref: \"#/components/parameters/Expected\" }]",
        "`If-Match` and 412 are for changes",
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
    let secret = ROUTING.replacen(
        "        height: { description: Metres., type: number }",
        "        height: { $ref: \"#/components/schemas/Secret\" }\n    Secret: { description: A secret., type: string, \
         format: password }",
        1,
    );
    assert_eq!(
        errors(&secret),
        [
            "19:7: paths./trees/tallest.get: operation `tree_tallest`: the response contains a secret and must not be stored, \
             so it cannot have an entity tag"
        ]
    );
}

#[test]
fn preconditions() {
    const FELL: &str = "        \"204\": { description: Felled. }\n        \"400\": { $ref: \"#/components/responses/Rejected\" }\n        \"412\"";
    assert_error(
        ROUTING,
        FELL,
        &FELL.replace("412", "409"),
        "of `If-Match` and 412 only one is declared",
    );
    assert_error(
        ROUTING,
        "summary: Fell the tallest.\n      parameters: [{ $ref: \"#/components/parameters/Expected\" }]\n",
        "summary: Fell the tallest.\n",
        "of `If-Match` and 412 only one is declared",
    );
    assert_error(
        ROUTING,
        "          description: The pruned tree.\n          headers: { ETag: { $ref: \"#/components/headers/Tag\" } }\n",
        "          description: The pruned tree.\n",
        "takes the entity tag of a `Tree` and returns the changed one without its new tag; declare `ETag`",
    );
    assert_error(
        ROUTING,
        "\"204\": { description: Felled. }",
        "\"204\": { description: Felled., headers: { ETag: { $ref: \"#/components/headers/Tag\" } } }",
        "`ETag` must be a header of every success, each of which needs a body",
    );
    assert_error(
        ROUTING,
        "  /trees/tallest/prune:\n",
        "  /prune:\n",
        "at the nearest path above; there is no GET",
    );
    assert_error(
        ROUTING,
        "  /trees/tallest/prune:\n",
        "  /trees/prune:\n",
        "`If-Match` is compared with the entity tag that GET returns at `/trees`; declare `ETag` there",
    );
    assert_error(
        ROUTING,
        "name: If-Match\n",
        "name: If-Match\n      required: true\n",
        "`If-Match` must be optional, because a change without it applies to whatever is stored",
    );
    assert_error(
        ROUTING,
        "schema: { type: string, pattern: ",
        "schema: { type: string, x-pattern: ",
        "the HTTP layer accepts `*` or a list of entity tags",
    );
    assert_error(
        ROUTING,
        "parameters: [{ in: path, name: id, required: true, schema: { type: integer } }]\n      responses: { \"204\": { description: Gone. }",
        "parameters: [{ in: path, name: id, required: true, schema: { type: integer } }, { in: query, name: if_match, schema: { type: string } }, { $ref: \"#/components/parameters/Expected\" }]\n      responses: { \"204\": { description: Gone. }",
        "the parameter `If-Match` is declared twice",
    );
}

#[test]
fn properties_outside_the_entity_tag() {
    assert_error(
        ROUTING,
        "x-entity-tag: false",
        "x-entity-tag: true",
        "`x-entity-tag` can only be `false`",
    );
    assert_error(
        ROUTING,
        "required: [height]",
        "required: [height, seen_at]",
        "only an optional or nullable property without a default can have `x-entity-tag`",
    );
    assert_error(
        ROUTING,
        "      properties:\n        height: { description: Metres., type: number }\n    Error:",
        "      properties:\n        height: { description: Metres., type: number, x-entity-tag: false }\n    Error:",
        "no operation returns `Pruning` with an entity tag; remove `x-entity-tag`",
    );
}

#[test]
fn bounds() {
    let list = "parts: { type: array, maxItems: 3,";
    let free = "free: { type: object, additionalProperties: true, x-max-bytes: 100, x-max-levels: 3,";
    for (from, to, message) in [
        (
            list,
            "parts: { type: array,",
            "a request can contain this list; add `maxItems`",
        ),
        (
            list,
            "parts: { type: array, maxItems: -1,",
            "`maxItems` cannot be negative",
        ),
        (
            list,
            "parts: { type: array, minItems: 4, maxItems: 3,",
            "`minItems` needs a `maxItems` that is not smaller",
        ),
        (
            list,
            "parts: { type: array, minItems: 1, maxItems: 3, default: [],",
            "a list with `minItems` cannot have a default",
        ),
        (
            free,
            "free: { type: object, additionalProperties: true,",
            "a request can contain this free-form object; add `x-max-bytes` and `x-max-levels`",
        ),
        (
            free,
            "free: { type: object, additionalProperties: true, x-max-levels: 3,",
            "`x-max-bytes` and `x-max-levels` belong together",
        ),
        (
            free,
            "free: { type: object, additionalProperties: true, x-max-bytes: 100,",
            "`x-max-bytes` and `x-max-levels` belong together",
        ),
        (
            list,
            "parts: { type: array, x-max-bytes: 3,",
            "are only for free-form objects",
        ),
        (
            "flags: { type: array,",
            "flags: { type: array, maxItems: 3,",
            "no request contains this property; remove its bound",
        ),
        (
            "    Part:\n      description: A part of what is sent.\n",
            "    Part:\n      description: A part of what is sent.\n      x-max-bytes: 9\n",
            "`x-max-bytes` limits only responses and free-form objects",
        ),
        (
            "{ description: Any text., type: string }",
            "{ description: Any text., type: string, x-max-bytes: 3 }",
            "`x-max-bytes` is only for objects",
        ),
    ] {
        assert_error(SPEC, from, to, message);
    }
}

#[test]
fn operations_that_do_not_declare_400() {
    assert_error(
        ROUTING,
        "{ \"204\": { description: Put. }, \"400\": { $ref: \"#/components/responses/Rejected\" } }",
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
        "        \"413\": { $ref: \"#/components/responses/Rejected\" }\n",
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
fn merge_patches() {
    const PATCH: &str =
        "          application/merge-patch+json: { schema: { $ref: \"#/components/schemas/Correction\" } }\n";
    const JSON: &str = "          application/json: { schema: { $ref: \"#/components/schemas/Correction\" } }\n";
    const REQUIRED: &str = "        required: true\n        content:\n";
    const TEXT: &str = "        text: { description: What it says., type: string }\n        pages: { description: Its pages., type: \
                        array, maxItems: 9, items: { type: string } }\n        day:";
    for (from, to, message) in [
        (PATCH, "", "add `application/merge-patch+json`"),
        (JSON, "", "add `application/json`"),
        (
            PATCH,
            "          application/json-patch+json: { schema: { $ref: \"#/components/schemas/Correction\" } }\n",
            "the media type `application/json-patch+json` is not supported; the body of a `patch` is",
        ),
        (
            JSON,
            "          application/json: { schema: { $ref: \"#/components/schemas/Letter\" } }\n",
            "must refer to one schema",
        ),
        (
            REQUIRED,
            "        content:\n",
            "an absent merge patch would change nothing; add `required: true`",
        ),
        (
            "    patch:\n",
            "    delete:\n",
            "`application/merge-patch+json` is only for `patch`",
        ),
        (
            TEXT,
            "        text: { description: What it says., type: string, default: Hello }\n        day:",
            "an absent member of a merge patch means \"unchanged\"; remove the default",
        ),
        (
            TEXT,
            "        text: { description: What it says., type: object, additionalProperties: true, x-max-bytes: 9, x-max-levels: \
             9 }\n        day:",
            "a merge patch would merge the members of this object too",
        ),
        (
            TEXT,
            "        text: { $ref: \"#/components/schemas/Letter\" }\n        day:",
            "a merge patch would merge the members of this object too",
        ),
        (
            "description: What changes in a letter.\n",
            "description: What changes in a letter.\n      required: [text]\n",
            "a member of a merge patch can always be left out; remove it from `required`",
        ),
        (
            "What changes in a letter.\n      type: object\n      additionalProperties: false\n",
            "What changes in a letter.\n      type: object\n",
            "a request can contain this object; add `additionalProperties: false`",
        ),
        (
            "        text: { description: What it says., type: string }\n        pages:",
            "        text: { $ref: \"#/components/schemas/Correction\" }\n        pages:",
            "components.schemas.Correction: this is the body of a `patch`, in which an absent member means \"unchanged\"",
        ),
    ] {
        assert_error(BODIES, from, to, message);
    }
    let used_elsewhere = "give other bodies, responses and properties a schema of their own";
    for (from, message) in [
        (
            "requestBody: { content: { application/json: { schema: { $ref: \"#/components/schemas/Letter\" } } } }",
            used_elsewhere,
        ),
        (
            "          content: { application/json: { schema: { $ref: \"#/components/schemas/Letter\" } } }",
            used_elsewhere,
        ),
    ] {
        let to = from.replace("Letter", "Correction");
        let spec = BODIES.replacen(from, &to, 1);
        assert!(
            errors(&spec).iter().any(|it| it.contains(message)),
            "{:?}",
            errors(&spec)
        );
    }
}

#[test]
fn responses() {
    assert_error(BODIES, "\"202\":", "\"default\":", "list the status codes");
    assert_error(BODIES, "\"202\":", "\"299\":", "`299` is not a supported status code");
    assert_error(BODIES, "\"503\":", "\"204\":", "204 cannot have content");
    assert_error(BODIES, "\"503\":", "\"201\":", "have different bodies");
    assert_error(ADMISSION, "\"200\":", "\"409\":", "the body of 409 is `Door`");
    assert_error(
        ADMISSION,
        "\"204\": { description: Counted. }",
        "\"500\": { $ref: \"#/components/responses/Rejected\" }",
        "there is no response below 400",
    );
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
        "The errors of the body's members.\n          type: array",
        "The errors of the body's members.\n          type: [array, \"null\"]",
        "none can be `null`",
    );
    assert_error(
        SPEC,
        "required: [field, message]",
        "required: [field]",
        "components.schemas.FieldError",
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
            "exactly one security scheme is expected here",
        ),
        (
            "security: [{ bearer: [doors:see] }, { bearer: [doors:see, doors:open] }]",
            "so it is never needed",
        ),
        (
            "security: [{ bearer: [doors:see, doors:open] }, { bearer: [doors:open] }]",
            "so it is never needed",
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
        "        \"403\": { $ref: \"#/components/responses/NotAdmitted\" }\ncomponents:",
        "        \"403\": { $ref: \"#/components/responses/NotAdmitted\" }\n        \"413\": { $ref: \
         \"#/components/responses/Rejected\" }\n        \"415\": { $ref: \"#/components/responses/Rejected\" }\ncomponents:",
        "413 is declared, but not 429 and 503",
    );
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
        "        Retry-After: { description",
        "        WWW-Authenticate: { required: true, schema: { type: string } }\n        Retry-After: { description",
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
        "(line 107) would both become the variant `DoorsSee`",
    );
}

#[test]
fn all_errors_are_reported_in_one_run() {
    let spec = ADMISSION
        .replacen("openapi: 3.1.0", "openapi: 3.0.0", 1)
        .replacen("{ name: doors,", "{ name: Doors,", 1)
        .replacen("operationId: door_open", "operationId: doorOpen", 1)
        .replacen("summary: Count the doors; for everybody.", "title: Count.", 1)
        .replacen("scheme: bearer", "scheme: basic", 1)
        .replacen(
            "colour: { description: Its colour., type: string }",
            "colour: { anyOf: [] }\n        Size: {}",
            1,
        )
        .replacen("invalid_input, not_found,", "not_found, not-found,", 1);
    let places: Vec<String> = errors(&spec)
        .iter()
        .map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        places,
        [
            "1:10 openapi",
            "4:13 tags.0.name",
            "8:7 paths./doors.get",
            "11:14 paths./doors.get.title",
            "16:20 paths./doors.put.operationId",
            "104:7 components.securitySchemes.bearer",
            "130:26 components.schemas.Door.properties.colour.anyOf",
            "131:15 components.schemas.Door.properties.Size",
            "131:15 components.schemas.Door.properties.Size",
            "157:25 components.schemas.ErrorCode.enum.1",
        ],
        "{}",
        errors(&spec).join("\n")
    );
}

#[test]
fn a_fault_in_a_shared_part_is_reported_once() {
    let spec = BODIES.replacen(
        "      description: Rejected.\n",
        "      description: Rejected.\n      links: {}\n",
        1,
    );
    assert_eq!(errors(&spec).len(), 1, "{:?}", errors(&spec));
}

#[test]
fn messages_are_short_whatever_the_spec_contains() {
    let long = "x".repeat(100_000);
    for spec in [
        long.clone(),
        format!("{long}: 1"),
        format!("[{long}"),
        SPEC.replacen("summary: Exchange samples.", &format!("{long}: 1"), 1),
        SPEC.replacen("description: What is sent.", &format!("{long}: 1"), 1),
        SPEC.replacen("operationId: sample_exchange", &format!("operationId: {long}A"), 1),
        SPEC.replacen("/samples/{id}:", &format!("/samples/{{id}}{long}:"), 1),
        SPEC.replacen("'^[\"#a-z]+$'", &format!("'(?<{long}'"), 1),
    ] {
        for line in errors(&spec) {
            assert!(line.len() < 2_200, "{} bytes: {}", line.len(), &line[..200]);
        }
    }
}

#[test]
fn deep_documents_and_schemas() {
    let nested = |from: &str, to: &str| format!("x-a: {}{}", from.repeat(100_000), to.repeat(100_000));
    for spec in [
        "- ".repeat(60_000),
        "? ".repeat(60_000),
        nested("[", "]"),
        nested("{a: ", "}"),
        (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
    ] {
        let errors = errors(&spec);
        assert!(
            errors[0].contains("more than 64 levels are nested here") || errors[0].contains("recursion limit"),
            "{errors:?}"
        );
    }
    let chain: String = (0..70)
        .map(|number| {
            format!(
                "    Link{number}: {{ description: A link., type: object, properties: {{ next: {{ $ref: \
                 \"#/components/schemas/Link{}\" }} }} }}\n",
                number + 1
            )
        })
        .chain(["    Link70: { description: The last., type: object, properties: {} }\n".to_owned()])
        .collect();
    let errors = errors(&format!("{SPEC}{chain}"));
    assert!(
        errors[0].contains("more than 64 levels of objects and lists"),
        "{errors:?}"
    );
}

#[test]
fn schemas_that_contain_themselves() {
    assert_error(
        BODIES,
        "items: { type: string }",
        "items: { $ref: \"#/components/schemas/Letter\" }",
        "components.schemas.Letter.properties.pages: `Letter` would contain itself (Letter → Letter)",
    );
    let spec = BODIES.replacen(
        "items: { type: string } }\n",
        "items: { $ref: \"#/components/schemas/Page\" } }\n    Page:\n      description: A page.\n      type: object\n      \
         additionalProperties: false\n      properties:\n        letter: { $ref: \"#/components/schemas/Letter\" }\n",
        1,
    );
    assert_eq!(
        errors(&spec),
        [
            "92:17: components.schemas.Page.properties.letter: `Letter` would contain itself (Letter → Page → Letter), and its \
             values could be nested without a limit; refer to it by an id, or use a free-form object"
        ]
    );
}

#[test]
fn schemas_that_combine_others() {
    for (to, message) in [
        (
            "anyOf: [{ type: string }]",
            "`anyOf` is not supported; declare one `type`",
        ),
        ("oneOf: [{ type: string }]", "the only supported form of `oneOf`"),
        (
            "allOf: [{ type: string }]",
            "`allOf` is not supported; list all properties in one schema",
        ),
    ] {
        let colour = "text: { description: What it says., type: string }";
        assert_error(
            BODIES,
            colour,
            &format!("text: {{ description: What it says., {to} }}"),
            message,
        );
    }
    for (to, message) in [
        ("anyOf: []", "`anyOf` is not supported; declare one `type`"),
        ("oneOf: []", "`oneOf` is not supported; declare one `type`"),
        (
            "type: [string, \"null\"]",
            "a list of types is supported only in a property",
        ),
    ] {
        let colour = "Colour: { description: A colour., type: string, enum: [deep-red, green] }";
        assert_error(
            SPEC,
            colour,
            &format!("Colour: {{ description: A colour., {to} }}"),
            message,
        );
    }
}

#[test]
fn names_that_are_in_use() {
    for (id, message) in [
        ("gen", "`gen` is a keyword of Rust"),
        ("option", "the generated code already has a type `Option`"),
        ("operation", "the generated code already has a type `Operation`"),
        (
            "server_error",
            "the generated code already has a type `ServerErrorResponse`",
        ),
        ("admit", "the generated code already has a method `admit`"),
        ("post", "the generated code already has a method `post`"),
        ("command", "the generated code already has a type `Command`"),
        ("letter_help", "`letter help` would be the program's own help"),
    ] {
        let id = format!("operationId: {id}");
        assert_error(BODIES, "operationId: letter_amend", &id, message);
    }
}
