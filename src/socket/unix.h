/* SPDX-License-Identifier: MIT
 *
 * Between the files of the unix bases: names in the file system and in the abstract space. Nobody
 * else includes it.
 */
#ifndef PLUG_SOCKET_UNIX_H
#define PLUG_SOCKET_UNIX_H

#include "socket/common.h"

struct unix_conf {
    struct plug__socket_conf socket;
    int64_t mode; /* -1: as the umask leaves it */
    const char *user, *group;
    const char *tempname; /* "": in /tmp */
    int unlink_close, unlink_early, abstract, tight;
};

extern const struct plug_option plug__unix_options[];
extern const struct unix_conf plug__unix_defaults;

enum { PLUG__UNIX_LIMIT = 212960 }; /* Linux: the usual send buffer less what a record costs */

/* A name that we made and take away again. */
struct plug__unix_name {
    struct plug_addr addr; /* len 0: none */
    uint64_t inode;
};

/* The address of a path under the step's options. Returns 0, EINVAL (empty), ENAMETOOLONG. */
int plug__unix_addr(const struct plug_step *step, const char *path, struct plug_addr *ret);

/* Binds to the step's path (a listener) or its bind= (a client). A socket file that no living
 * socket holds is replaced; EADDRINUSE when one does, EEXIST when the file is something else. Sets
 * mode and owner. *ret is what to unlink. Returns 1 when bound, 0 when there is nothing to bind to.
 */
int plug__unix_bind(plug_handle h, const struct plug_step *step, struct plug__unix_name *ret,
                    int *reterr_os);

/* Binds a client to a name of no meaning, so that answers can reach it. */
int plug__unix_bind_temp(plug_handle h, const struct plug_step *step, struct plug__unix_name *ret,
                         int *reterr_os);

/* Unlinks what bind made, if it is still that. */
void plug__unix_unbind(struct plug__unix_name *name);

int plug__unix_check(struct plug_step *step, struct plug_err *reterr);

#endif
