// Issuers for the tests: a certified OpenID provider on a free port of 127.0.0.1. Access tokens have claims as Keycloak
// issues them. The process exits when its standard input ends, so that it does not outlive the tests.
//
// POST /control/issuers                  create an issuer; returns {"issuer": "…/issuers/1"}
// POST /control/issuers/1/rotate         replace all keys
// POST /control/issuers/1/down, …/up     close connections without a response; respond again
// GET  /control/issuers/1/fetches        how often the keys were fetched
// POST /control/issuers/1/tokens         the tokens of clients that request no `resource`: {"client": {settings}, …}
//
// The `resource` of a token request (RFC 8707) describes the token: see `tokenSettings`. With the variable ISSUER_PORT,
// the process listens on that port instead of a free one.

import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const SCOPES = 'tenants:read tenants:write audit:read';
const CLIENTS = ['billing', 'console', 'operator', 'acme'];
const RESOURCE = 'urn:token:';

// The provider warns about its in-memory adapter, once for each issuer.
console.warn = () => {};

const issuers = new Map();

async function newKeys() {
    return Promise.all(ALGORITHMS.map(async (alg) => {
        const { privateKey } = await generateKeyPair(alg, { extractable: true });
        return { ...await exportJWK(privateKey), alg, use: 'sig', kid: crypto.randomUUID() };
    }));
}

// {"alg": "…", "audience": "…", "lifetime": seconds, "claims": {…}}; null removes a claim.
function tokenSettings(resource) {
    return JSON.parse(Buffer.from(resource.slice(RESOURCE.length), 'base64url'));
}

function tokenResource(settings) {
    return settings && RESOURCE + Buffer.from(JSON.stringify(settings)).toString('base64url');
}

async function newProvider(issuer) {
    const provider = new Provider(issuer.url, {
        jwks: { keys: await newKeys() },
        clients: CLIENTS.map((name) => ({
            client_id: name,
            client_secret: name,
            grant_types: ['client_credentials'],
            redirect_uris: [],
            response_types: [],
            scope: SCOPES,
        })),
        scopes: SCOPES.split(' '),
        features: {
            clientCredentials: { enabled: true },
            devInteractions: { enabled: false },
            resourceIndicators: {
                enabled: true,
                defaultResource: (_context, client) => tokenResource(issuer.tokens[client.clientId]),
                getResourceServerInfo(_context, resource) {
                    const { alg, audience, lifetime } = tokenSettings(resource);
                    return {
                        scope: SCOPES,
                        audience,
                        accessTokenFormat: 'jwt',
                        accessTokenTTL: Math.max(lifetime, 1),
                        jwt: { sign: { alg } },
                    };
                },
            },
        },
        formats: {
            customizers: {
                jwt(_context, token, jwt) {
                    const { lifetime, claims } = tokenSettings(token.resourceServer.identifier());
                    const { payload } = jwt;
                    jwt.header = { typ: 'JWT' };
                    jwt.payload = {
                        ...payload,
                        exp: payload.iat + lifetime,
                        typ: 'Bearer',
                        azp: payload.client_id,
                        client_id: payload.client_id,
                        preferred_username: `service-account-${payload.client_id}`,
                        ...claims,
                    };
                    for (const [name, value] of Object.entries(claims)) {
                        if (value === null) delete jwt.payload[name];
                    }
                },
            },
        },
    });
    return provider.callback();
}

async function newIssuer(origin) {
    const name = String(issuers.size + 1);
    const issuer = { url: `${origin}/issuers/${name}`, isDown: false, fetches: 0, tokens: {} };
    issuers.set(name, issuer);
    issuer.respond = await newProvider(issuer);
    return issuer;
}

async function readJson(request) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    return JSON.parse(Buffer.concat(chunks));
}

async function control(origin, path, request) {
    if (path === 'issuers') {
        const { url } = await newIssuer(origin);
        return { issuer: url };
    }
    const [, name, command] = path.match(/^issuers\/(\d+)\/(\w+)$/) ?? [];
    const issuer = issuers.get(name);
    if (issuer === undefined) return undefined;
    switch (command) {
        case 'rotate':
            issuer.respond = await newProvider(issuer);
            break;
        case 'down':
            issuer.isDown = true;
            break;
        case 'up':
            issuer.isDown = false;
            break;
        case 'tokens':
            issuer.tokens = await readJson(request);
            break;
    }
    return { fetches: issuer.fetches };
}

const server = createServer(async (request, response) => {
    const origin = `http://127.0.0.1:${server.address().port}`;
    const [, area, rest = ''] = request.url.match(/^\/(\w+)\/(.*)$/) ?? [];
    if (area === 'control') {
        const result = await control(origin, rest, request);
        response.writeHead(result ? 200 : 404, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify(result ?? { error: `there is no ${request.url}` }));
        return;
    }
    const name = rest.split('/', 1)[0];
    const issuer = issuers.get(name);
    if (issuer === undefined) {
        response.writeHead(404).end();
        return;
    }
    if (issuer.isDown) {
        request.destroy();
        return;
    }
    // As a framework does that mounts the provider below a path.
    request.originalUrl = request.url;
    request.url = `/${rest.slice(name.length + 1)}`;
    if (request.url === '/jwks') issuer.fetches += 1;
    issuer.respond(request, response);
});

server.listen(Number(process.env.ISSUER_PORT ?? 0), '127.0.0.1', () => console.log(`issuer on http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit()).resume();
