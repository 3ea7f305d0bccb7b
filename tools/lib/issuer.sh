# shellcheck shell=bash
# Starts the certified OpenID provider of the tests, for scripts that source this file from the project's directory.
# Sets OIDC_ISSUER and OIDC_ROLES. The client `operator` gets tokens with every scope; its secret is also `operator`. The
# provider stops with the script, because its standard input closes.

ask() { curl --silent --show-error --fail "$@"; }
# json_text NAME: the value of a member of a small JSON object, without escapes.
json_text() { sed --quiet "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# token_settings CLAIMS: how the provider makes a token that is valid for a day.
token_settings() {
    printf '{"alg":"ES256","audience":"tenant-registry","lifetime":86400,"claims":{"realm_access":{"roles":["operator"]}%s}}' "$1"
}

# set_tokens CLIENTS: defines the tokens of clients, a JSON object with the settings of each.
set_tokens() {
    ask --output /dev/null --data "$1" "${OIDC_ISSUER/\/issuers\///control/issuers/}/tokens"
}

# token CLIENT
token() {
    ask --user "$1:$1" --data grant_type=client_credentials "$OIDC_ISSUER/token" | json_text access_token
}

start_issuer() {
    local folder provider
    folder=$(mktemp -d)
    mkfifo "$folder/input" "$folder/output"
    cp server/tests/certified_issuer/provider/issuer.mjs target/test-issuer/
    target/spec-tools/bin/node target/test-issuer/issuer.mjs <"$folder/input" >"$folder/output" &
    exec 8>"$folder/input" 9<"$folder/output"
    rm -r "$folder"
    read -r -t 60 -u 9 _ _ provider
    OIDC_ISSUER=$(ask --request POST "$provider/control/issuers" | json_text issuer)
    export OIDC_ISSUER OIDC_ROLES='operator=*'
    set_tokens "{\"operator\":$(token_settings '')}"
}
