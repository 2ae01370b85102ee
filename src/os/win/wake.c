/* SPDX-License-Identifier: MIT
 *
 * Waking a loop from another thread by a UDP socket that is connected to itself.
 * It deliberately carries no data: the loop's queues do.
 */
#include "os/win/win.h"

int plug__win_loop_socket(plug_handle *ret, int *reterr_os)
{
    plug_handle h = PLUG_NO_HANDLE;
    struct plug_addr a;
    int rc = plug__os_socket(&h, AF_INET, SOCK_DGRAM, 0, reterr_os);
    if (rc == 0)
        rc = plug__os_addr_any(&a, AF_INET, 1, 0);
    if (rc == 0)
        rc = plug__os_bind(h, &a, reterr_os);
    if (rc == 0)
        rc = plug__os_sockname(h, &a, reterr_os);
    if (rc == 0)
        rc = plug__os_connect(h, &a, reterr_os);
    if (rc == 0)
        *ret = h;
    else
        plug__os_close(h);
    return rc;
}

int plug__os_wake_open(plug_handle ret[2], int *reterr_os)
{
    plug_handle h;
    int rc = plug__win_loop_socket(&h, reterr_os);
    if (rc == 0)
        ret[0] = ret[1] = h;
    return rc;
}

void plug__os_wake_signal(plug_handle h[2])
{
    (void)send(plug__win_socket(h[1]), "", 1, 0); /* full means that it is signalled already */
}

void plug__os_wake_drain(plug_handle h[2])
{
    char byte[16];
    while (recv(plug__win_socket(h[0]), byte, sizeof byte, 0) > 0)
        continue;
}

void plug__os_wake_close(plug_handle h[2])
{
    plug__os_close(h[0]);
    h[0] = h[1] = PLUG_NO_HANDLE;
}
