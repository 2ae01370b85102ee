/* SPDX-License-Identifier: MIT
 *
 * What type the Unix socket at a path has, told without connecting to it. The kernel's list names
 * sockets as they were bound: names are compared by what they stand for.
 */
#include "os/posix/posix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { UNIXTYPE_LINE = 512 }; /* a path has at most 108 bytes */

/* "ffff…: 00000002 00000000 00010000 0001 01 12345 /run/x": number, counts, flags, type, state,
 * inode, path. Returns the type, 0 when the line is not of this file. */
static int unixtype_line(char *line, const struct stat *want)
{
    char *field = line;
    struct stat st;
    int type = 0;
    for (int i = 0; i < 7 && field; i++) {
        field += strspn(field, " ");
        if (i == 4)
            type = (int)strtol(field, NULL, 16);
        field = strchr(field, ' ');
    }
    if (!field || !type)
        return 0;
    field++;
    field[strcspn(field, "\n")] = '\0';
    if (!*field || *field == '@' || stat(field, &st) < 0)
        return 0;
    return st.st_dev == want->st_dev && st.st_ino == want->st_ino ? type : 0;
}

/* Another network namespace's sockets are not in the list: a datagram socket still answers. */
static int unixtype_probe(const char *path)
{
    struct plug_addr a;
    plug_handle h;
    int r;
    if (plug__os_addr_unix(&a, path, 0, 0) < 0 ||
        plug__os_socket(&h, AF_UNIX, SOCK_DGRAM, 0, NULL) < 0)
        return 0;
    r = plug__os_connect(h, &a, NULL);
    plug__os_close(h);
    return r >= 0 ? PLUG_DGRAM : 0;
}

int plug__os_unix_type(const char *path)
{
    char line[UNIXTYPE_LINE];
    struct stat want;
    int type = 0;
    FILE *f;
    if (stat(path, &want) < 0 || !S_ISSOCK(want.st_mode))
        return 0;
    f = fopen("/proc/net/unix", "re");
    while (f && !type && fgets(line, sizeof(line), f))
        type = unixtype_line(line, &want);
    if (f)
        (void)fclose(f);
    return type ? type : unixtype_probe(path);
}
