/* SPDX-License-Identifier: MIT
 *
 * Options of an endpoint's name in the file system, applied before it is opened or once it is.
 * Rights of what is open are fd_options.c's.
 */
#include "endpoint/descriptor.h"
#include <stddef.h>

#define PATH_AT(field) offsetof(struct plug__path_conf, field)

const struct plug_option plug__path_options[] = {
    {.name = "unlink-early",
     .aliases = "unlink new delete remove",
     .type = PLUG_OPT_FLAG,
     .offset = PATH_AT(unlink_early),
     .help = "remove the name first"},
    {.name = "unlink-late",
     .type = PLUG_OPT_FLAG,
     .offset = PATH_AT(unlink_late),
     .help = "remove the name once it is open"},
    {.name = "perm-early",
     .type = PLUG_OPT_MODE,
     .offset = PATH_AT(mode),
     .max = 07777,
     .value = "OCTAL",
     .help = "permissions that the name gets before it is opened"},
    {.name = "user-early",
     .aliases = "uid-e",
     .type = PLUG_OPT_STRING,
     .offset = PATH_AT(user),
     .value = "NAME",
     .help = "owner that the name gets before it is opened"},
    {.name = "group-early",
     .aliases = "gid-e",
     .type = PLUG_OPT_STRING,
     .offset = PATH_AT(group),
     .value = "NAME",
     .help = "group that the name gets before it is opened"},
    {0},
};

int plug__path_given(const struct plug__path_conf *c)
{
    return c->unlink_early || c->unlink_late || c->mode >= 0 || c->user || c->group;
}

int plug__path_early(const struct plug__path_conf *c, const char *path, int *reterr_os)
{
    int r = 0;
    if (c->unlink_early) {
        r = plug__os_unlink(path, reterr_os);
        r = r == PLUG_ENOENT ? 0 : r;
    }
    if (r >= 0 && (c->user || c->group))
        r = plug__os_chown(path, c->user, c->group, reterr_os);
    if (r >= 0 && c->mode >= 0)
        r = plug__os_chmod(path, (unsigned)c->mode, reterr_os);
    return r;
}

int plug__path_late(const struct plug__path_conf *c, const char *path, int *reterr_os)
{
    return c->unlink_late ? plug__os_unlink(path, reterr_os) : 0;
}
