/* SPDX-License-Identifier: MIT
 *
 * From error codes to the exit codes of the command. It ends nothing.
 */
#include "relay/relay.h"

#include "util/attr.h"
#include <string.h>

static const struct {
    int code, status;
} exit_codes[] = {
    {PLUG_EUSAGE, 2},       {PLUG_ENOHOST, 3},     {PLUG_EDNS, 3},       {PLUG_ECONNREFUSED, 4},
    {PLUG_EHOSTUNREACH, 4}, {PLUG_ENETUNREACH, 4}, {PLUG_ENETDOWN, 4},   {PLUG_ENXIO, 4},
    {PLUG_ENOROUTE, 4},     {PLUG_ETIMEDOUT, 5},   {PLUG_ECERT, 6},      {PLUG_EACCES, 7},
    {PLUG_EPERM, 7},        {PLUG_EROFS, 7},       {PLUG_ECONNRESET, 8}, {PLUG_ECONNABORTED, 8},
    {PLUG_EPIPE, 8},        {PLUG_ENOSPC, 8},      {PLUG_EFBIG, 8},      {PLUG_EMSGSIZE, 8},
    {PLUG_ECHILD, 9},
};

int plug__exit_code(int code)
{
    if (code >= 0)
        return 0;
    for (unsigned i = 0; i < PLUG__COUNT(exit_codes); i++) {
        if (exit_codes[i].code == code)
            return exit_codes[i].status;
    }
    return 1;
}

/* To who connects, a Unix socket that is not there and one that nobody listens on are one thing. */
int plug__exit_opening(const struct plug_err *err)
{
    if (err->code == PLUG_ENOENT && err->layer && strncmp(err->layer, "unix", 4) == 0)
        return plug__exit_code(PLUG_ECONNREFUSED);
    return plug__exit_code(err->code);
}
