// The issuer of the tests: realms of a certified OpenID provider, on a free port of 127.0.0.1, which gives access tokens with
// claims in Keycloak's shape. It ends when its standard input does, so that it does not outlive the tests.
//
// POST /control/realms                   {"issuer": "…/realms/1"}; each case has a realm of its own
// POST /control/realms/1/rotate          new keys in place of the old ones
// POST /control/realms/1/down, …/up      requests break off; they are served again
// GET  /control/realms/1/fetches         how often the keys were asked for
//
// What a token is to be like is said by the resource that it is asked for (RFC 8707): see `wanted`.

import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const SCOPES = 'tenants:read tenants:write audit:read';
const CLIENTS = ['billing', 'console'];
const RESOURCE = 'urn:token:';

// The provider warns about its in-memory adapter, once for each realm.
console.warn = () => {};

const realms = new Map();

async function newKeys() {
    return Promise.all(ALGORITHMS.map(async (alg) => {
        const { privateKey } = await generateKeyPair(alg, { extractable: true });
        return { ...await exportJWK(privateKey), alg, use: 'sig', kid: crypto.randomUUID() };
    }));
}

// {"alg": "…", "audience": "…", "lifetime": seconds, "claims": {…}}; null takes a claim away.
function wanted(resource) {
    return JSON.parse(Buffer.from(resource.slice(RESOURCE.length), 'base64url'));
}

async function newProvider(issuer) {
    const provider = new Provider(issuer, {
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
                getResourceServerInfo(_context, resource) {
                    const { alg, audience, lifetime } = wanted(resource);
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
                    const { lifetime, claims } = wanted(token.resourceServer.identifier());
                    const { payload } = jwt;
                    jwt.header = { typ: 'JWT' };
                    jwt.payload = {
                        ...payload,
                        exp: payload.iat + lifetime,
                        typ: 'Bearer',
                        azp: payload.client_id,
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

async function newRealm(origin) {
    const name = String(realms.size + 1);
    const realm = { issuer: `${origin}/realms/${name}`, isDown: false, fetches: 0 };
    realms.set(name, realm);
    realm.handle = await newProvider(realm.issuer);
    return realm;
}

async function control(origin, path) {
    const [, name, command] = path.match(/^realms(?:\/(\d+)\/(\w+))?$/);
    if (name === undefined) {
        const { issuer } = await newRealm(origin);
        return { issuer };
    }
    const realm = realms.get(name);
    switch (command) {
        case 'rotate':
            realm.handle = await newProvider(realm.issuer);
            break;
        case 'down':
            realm.isDown = true;
            break;
        case 'up':
            realm.isDown = false;
            break;
    }
    return { fetches: realm.fetches };
}

const server = createServer(async (request, response) => {
    const origin = `http://127.0.0.1:${server.address().port}`;
    const [, room, rest] = request.url.match(/^\/(\w+)\/(.*)$/);
    if (room === 'control') {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(await control(origin, rest)));
        return;
    }
    const name = rest.split('/', 1)[0];
    const realm = realms.get(name);
    if (realm.isDown) {
        request.destroy();
        return;
    }
    // As a framework does it that mounts the provider below a path.
    request.originalUrl = request.url;
    request.url = `/${rest.slice(name.length + 1)}`;
    if (request.url === '/jwks') realm.fetches += 1;
    realm.handle(request, response);
});

server.listen(0, '127.0.0.1', () => console.log(`issuer on http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit()).resume();
