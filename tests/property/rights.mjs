// docs/permissions.md once more, in JavaScript: who may watch which artifact and who may send updates.
// Written from the page, not from the server's code.

const plain = /[A-Za-z0-9._~@|-]/;

export const encodeId = (id) => [...Buffer.from(id)]
    .map((byte) => (byte < 0x80 && plain.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`))
    .join('');

export const watchPermission = (artifact) => `artifact:${encodeId(artifact)}:watch`;

function grants(grant, permission) {
    return grant === permission || grant === '*' || (grant.endsWith(':*') && permission.startsWith(grant.slice(0, -1)));
}

function holds(claims, config, permission) {
    const roles = (claims.roles ?? []).flatMap((role) => (Object.hasOwn(config.roles, role) ? config.roles[role] : []));
    return [...(claims.permissions ?? []), ...roles].some((grant) => grants(grant, permission));
}

function fits(pattern, text) {
    const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}

/// Without what an API says.
export function mayWatch(claims, config, artifact) {
    const named = claims.artifacts?.some((pattern) => fits(pattern, artifact));
    return config.rules.some((rule) => {
        if (rule === 'authorizer') return false;
        if (rule === 'permission') return holds(claims, config, watchPermission(artifact));
        return named ?? rule === 'company';
    });
}

export const maySend = (claims, config) => holds(claims, config, 'updates:send');
