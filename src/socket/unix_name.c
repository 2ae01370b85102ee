/* SPDX-License-Identifier: MIT
 *
 * Names of Unix sockets: binding to them, telling stale ones from live ones, taking them away. It
 * never removes a file that is not a socket.
 */
#include "socket/unix.h"

#include "util/attr.h"
#include "util/err.h"
#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 128 }; /* no path of a socket is longer */

#define CONF(m) offsetof(struct unix_conf, m)

const struct unix_conf plug__unix_defaults = {.mode = -1, .unlink_close = 1, .tight = 1};

#define NAME_TEMP "XXXXXX"

static int name_check_temp(const char *value)
{
    const size_t n = strlen(value), end = sizeof(NAME_TEMP) - 1;
    return n == 0 || (n > end && strcmp(value + n - end, NAME_TEMP) == 0) ? 0 : PLUG_EUSAGE;
}

const struct plug_option plug__unix_options[] = {
    {.name = "bind",
     .aliases = "unix-bind",
     .type = PLUG_OPT_STRING,
     .offset = CONF(socket) + offsetof(struct plug__socket_conf, bind),
     .value = "PATH",
     .help = "the local name"},
    {.name = "bind-tempname",
     .aliases = "unix-bind-tempname",
     .type = PLUG_OPT_STRING,
     .offset = CONF(tempname),
     .flags = PLUG_OPT_CLIENT | PLUG_OPT_EMPTY,
     .value = "PATH-XXXXXX",
     .form = "nothing, or a path that ends in XXXXXX",
     .check = name_check_temp,
     .help = "bind to a new name, in /tmp unless a path says where; removed at the end"},
    {.name = "mode",
     .aliases = "perm perm-early perm-late",
     .type = PLUG_OPT_MODE,
     .offset = CONF(mode),
     .value = "MODE",
     .help = "permissions of the socket file; default: what umask leaves"},
    {.name = "user",
     .aliases = "owner uid user-early user-late uid-e uid-l",
     .type = PLUG_OPT_STRING,
     .offset = CONF(user),
     .value = "USER",
     .help = "owner of the socket file"},
    {.name = "group",
     .aliases = "gid group-early group-late gid-e gid-l",
     .type = PLUG_OPT_STRING,
     .offset = CONF(group),
     .value = "GROUP",
     .help = "group of the socket file"},
    {.name = "unlink-close",
     .type = PLUG_OPT_FLAG,
     .offset = CONF(unlink_close),
     .help = "remove the socket file at the end; default 1"},
    {.name = "unlink-early",
     .aliases = "unlink new delete remove",
     .type = PLUG_OPT_FLAG,
     .offset = CONF(unlink_early),
     .help = "remove a socket file of that name before, though it be in use"},
    {.name = "abstract",
     .type = PLUG_OPT_FLAG,
     .offset = CONF(abstract),
     .help = "the name is an abstract one"},
    {.name = "unix-tightsocklen",
     .aliases = "tightsocklen",
     .type = PLUG_OPT_FLAG,
     .offset = CONF(tight),
     .help = "an abstract name ends with its last byte; default 1"},
    {.name = "allow",
     .type = PLUG_OPT_STRING,
     .flags = PLUG_OPT_LISTENER,
     .offset = CONF(socket) + offsetof(struct plug__socket_conf, allow),
     .value = "USERS",
     .form = "users of this machine by name or number, such as root+1000",
     .check = plug__socket_check_users,
     .help = "a listener hears only programs of these users; several add up"},
    {.name = "deny",
     .type = PLUG_OPT_STRING,
     .flags = PLUG_OPT_LISTENER,
     .offset = CONF(socket) + offsetof(struct plug__socket_conf, deny),
     .value = "USERS",
     .form = "users of this machine by name or number, such as root+1000",
     .check = plug__socket_check_users,
     .help = "a listener does not hear programs of these users"},
    {.name = "protocol-family",
     .aliases = "pf family",
     .type = PLUG_OPT_ENUM,
     .offset = CONF(socket) + offsetof(struct plug__socket_conf, family),
     .choices = "unix local 1",
     .value = "unix",
     .help = "the only family there is here"},
    {.name = "passcred",
     .aliases = "so-passcred",
     .type = PLUG_OPT_SOCKFLAG,
     .phase = PLUG_PHASE_SOCKET,
     .level = SOL_SOCKET,
     .opt = SO_PASSCRED,
     .flags = PLUG__LACKING(SO_PASSCRED),
     .help = "ask for the peer's credentials"},
    {.name = NULL},
};

static const struct unix_conf *name_conf(const struct plug_step *step)
{
    return step->conf;
}

int plug__unix_addr(const struct plug_step *step, const char *path, struct plug_addr *ret)
{
    if (!path || !*path)
        return PLUG_EINVAL;
    return plug__os_addr_unix(ret, path, name_conf(step)->abstract, name_conf(step)->tight);
}

/* A connect of a datagram socket succeeds where one is bound, and nobody hears of it. */
static int name_is_dgram(const struct plug_step *step)
{
    struct plug_addr a;
    plug_handle h;
    int r;
    if (plug__unix_addr(step, step->path, &a) < 0 ||
        plug__os_socket(&h, AF_UNIX, SOCK_DGRAM, 0, NULL) < 0)
        return 0;
    r = plug__os_connect(h, &a, NULL);
    plug__os_close(h);
    return r >= 0;
}

/* unix-client finds out what is there. 0: it names its type itself, or nothing can be told. */
static int64_t name_guess(const struct plug_step *step)
{
    if (!step->kind || !strstr(step->kind->name, "-client") || !step->path)
        return 0;
    if (name_conf(step)->abstract)
        return name_is_dgram(step) ? SOCK_DGRAM : SOCK_STREAM;
    return plug__os_unix_type(step->path);
}

/* so-type= makes another of the three layers of it. */
static int name_become(struct plug_step *step, struct plug_err *reterr)
{
    static const struct {
        int64_t type;
        const char *layer;
    } layers[] = {
        {SOCK_STREAM, "unix"}, {SOCK_DGRAM, "unix-dgram"}, {SOCK_SEQPACKET, "unix-seqpacket"}};
    int64_t type = name_conf(step)->socket.type;
    if (!type)
        type = name_guess(step);
    if (!type || step->adopt != PLUG_NO_HANDLE)
        return 0;
    for (size_t i = 0; i < PLUG__COUNT(layers); i++) {
        if (layers[i].type != type)
            continue;
        if (strcmp(step->ops->name, layers[i].layer) != 0)
            step->become = layers[i].layer;
        return 0;
    }
    return plug__socket_check_type(step, SOCK_STREAM, "1 stream, 2 datagram, 5 seqpacket", reterr);
}

int plug__unix_check(struct plug_step *step, struct plug_err *reterr)
{
    const char *const texts[] = {step->path, plug__socket_bind_text(step)};
    const char *at;
    struct plug_addr a;
    if (name_become(step, reterr))
        return PLUG_EUSAGE;
    for (size_t i = 0; i < 2; i++) {
        if (!texts[i] || !*texts[i] || plug__unix_addr(step, texts[i], &a) >= 0)
            continue;
        plug__err(reterr, PLUG_EUSAGE, 0, step->ops->name, "the name of the socket is too long");
        if (i == 1 && (at = strstr(step->plan->text, texts[1]))) /* else plan points at the path */
            plug__err_at(reterr, (int)(at - step->plan->text), (int)strlen(texts[1]));
        plug__err_hint(reterr, "the system allows about 107 bytes; use a shorter path, or cd to "
                               "the directory and give a relative one");
        return PLUG_EUSAGE;
    }
    return 0;
}

/* ---- stale and live ---- */

/* A connect of a datagram socket tells a name that a living socket of any type holds (success,
 * EPROTOTYPE, EPERM) from one that nobody does (ECONNREFUSED), and a stream listener never hears of
 * it. */
static int name_is_stale(const struct plug_addr *a)
{
    plug_handle h;
    int r = plug__os_socket(&h, AF_UNIX, SOCK_DGRAM, 0, NULL);
    if (r < 0)
        return 0;
    r = plug__os_connect(h, a, NULL);
    plug__os_close(h);
    return r == PLUG_ECONNREFUSED;
}

static int name_is_socket(const char *path, uint64_t *ret_inode)
{
    struct plug__stat st;
    if (plug__os_stat(path, &st, NULL) < 0 || st.kind != PLUG__KIND_SOCKET)
        return 0;
    *ret_inode = st.inode;
    return 1;
}

static int name_make(plug_handle h, const struct plug_step *step, const char *path,
                     const struct plug_addr *a, int *reterr_os)
{
    const struct unix_conf *conf = name_conf(step);
    uint64_t inode;
    int r;
    if (conf->unlink_early && !conf->abstract && name_is_socket(path, &inode))
        (void)plug__os_unlink(path, NULL);
    r = plug__os_bind(h, a, reterr_os);
    if (r != PLUG_EADDRINUSE || conf->abstract)
        return r;
    if (!name_is_socket(path, &inode))
        return PLUG_EEXIST;
    if (!name_is_stale(a))
        return r;
    if (plug__os_unlink(path, NULL) < 0)
        return r;
    return plug__os_bind(h, a, reterr_os);
}

/* ---- binding ---- */

static const char *name_path(const struct plug__unix_name *name)
{
    return (const char *)name->addr.u.sa + offsetof(struct sockaddr_un, sun_path);
}

static void name_keep(const struct plug_step *step, const char *path, const struct plug_addr *a,
                      struct plug__unix_name *ret)
{
    const struct unix_conf *conf = name_conf(step);
    if (!conf->abstract && conf->unlink_close && name_is_socket(path, &ret->inode))
        ret->addr = *a;
}

static int name_rights(const struct plug_step *step, const char *path, int *reterr_os)
{
    const struct unix_conf *conf = name_conf(step);
    int r = 0;
    if (conf->abstract)
        return 0;
    if (conf->mode >= 0)
        r = plug__os_chmod(path, (unsigned)conf->mode, reterr_os);
    if (r >= 0 && (conf->user || conf->group))
        r = plug__os_chown(path, conf->user, conf->group, reterr_os);
    return r;
}

int plug__unix_bind(plug_handle h, const struct plug_step *step, struct plug__unix_name *ret,
                    int *reterr_os)
{
    const char *path = plug__socket_bind_text(step);
    struct plug_addr a;
    int r;
    if (!path && plug__socket_hears(step))
        path = step->path;
    if (!path)
        return 0;
    r = plug__unix_addr(step, path, &a);
    if (r >= 0)
        r = name_make(h, step, path, &a, reterr_os);
    if (r < 0)
        return r;
    name_keep(step, path, &a, ret);
    r = name_rights(step, path, reterr_os);
    if (r < 0)
        plug__unix_unbind(ret);
    return r < 0 ? r : 1;
}

/* A name that nobody has guessed: random letters in the place of the last ones, or in /tmp. */
static int name_temp(plug_handle h, const char *pattern, struct plug__unix_name *ret,
                     int *reterr_os)
{
    const size_t end = sizeof(NAME_TEMP) - 1;
    size_t n = pattern ? strlen(pattern) : 0;
    char path[NAME_ROOM];
    uint64_t random;
    int r = plug__os_random(&random, sizeof(random));
    if (r < 0)
        return r;
    if (n <= end)
        (void)snprintf(path, sizeof(path), "/tmp/plug-%lld-%016llx", (long long)plug__os_pid(),
                       (unsigned long long)random);
    else if (n < sizeof(path))
        (void)snprintf(path, sizeof(path), "%.*s%06llx", (int)(n - end), pattern,
                       (unsigned long long)random & 0xffffff);
    else
        return PLUG_ENAMETOOLONG;
    r = plug__os_addr_unix(&ret->addr, path, 0, 1);
    if (r >= 0)
        r = plug__os_bind(h, &ret->addr, reterr_os);
    if (r < 0 || !name_is_socket(path, &ret->inode))
        ret->addr.len = 0;
    return r;
}

int plug__unix_bind_temp(plug_handle h, const struct plug_step *step, struct plug__unix_name *ret,
                         int *reterr_os)
{
    if (!name_conf(step)->tempname && plug__os_autobind(h, reterr_os) >= 0)
        return 0;
    return name_temp(h, name_conf(step)->tempname, ret, reterr_os);
}

void plug__unix_unbind(struct plug__unix_name *name)
{
    uint64_t inode;
    if (name->addr.len && name_is_socket(name_path(name), &inode) && inode == name->inode)
        (void)plug__os_unlink(name_path(name), NULL);
    name->addr.len = 0;
}
