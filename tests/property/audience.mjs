// Who is meant by an audience, as docs/http-api.md has it, when that may be uncertain.

/// Whether a connection is among those that a selection names: `surely` in its artifacts, or perhaps.
function selects({ users, sessions, connections, artifacts }, listener, watches) {
    return Boolean(users?.includes(listener.user) || sessions?.includes(listener.life.id)
        || connections?.some((id) => listener.ids.includes(id)) || artifacts?.some(watches));
}

function means({ artifactId, except, ...only }, listener, watches, watchesExcepted) {
    if (except && selects(except, listener, watchesExcepted)) return false;
    if (artifactId !== undefined) return watches(artifactId);
    return Object.keys(only).length === 0 || selects(only, listener, watches);
}

export function surelyMeans(audience, listener, from, to) {
    return means(audience, listener,
        (artifact) => listener.watching(artifact).surely(from, to),
        (artifact) => listener.watching(artifact).possibly(from, to));
}

export function possiblyMeans(audience, listener, from, to) {
    return means(audience, listener,
        (artifact) => listener.watching(artifact).possibly(from, to),
        (artifact) => listener.watching(artifact).surely(from, to));
}
