/* SPDX-License-Identifier: MIT
 *
 * What the Windows files of src/os share: headers in their order, errors, wide text.
 * Nothing outside src/os includes it.
 */
#ifndef PLUG_OS_WIN_H
#define PLUG_OS_WIN_H

#include "os/os.h"

#include <winsock2.h>

#include <ws2tcpip.h>

#include <afunix.h>
#include <iphlpapi.h>
#include <mswsock.h>
#include <windows.h>

enum { PLUG__WIN_PATH = 1024 }; /* longest path in UTF-16 units, with its end */

/* Put a system's number in *reterr_os unless that is NULL. Return the PLUG_E*. */
int plug__win_error(int os, int *reterr_os);
int plug__win_wsa(int *reterr_os);  /* WSAGetLastError */
int plug__win_last(int *reterr_os); /* GetLastError */

/* 0, or what WSAGetLastError says when rc is SOCKET_ERROR. */
int plug__win_check(int rc, int *reterr_os);

/* UTF-8 into UTF-16; `room` in units. Returns units with the end, or ENAMETOOLONG, EINVAL. */
int plug__win_wide(const char *text, wchar_t *ret, int room);

/* 1 for a socket; a handle may also be a file, a pipe or a process. */
int plug__win_is_socket(plug_handle h);

/* A UDP socket of loopback that is connected to itself: what is sent is read back. */
int plug__win_loop_socket(plug_handle *ret, int *reterr_os);

static inline SOCKET plug__win_socket(plug_handle h)
{
    return (SOCKET)h;
}

static inline HANDLE plug__win_handle(plug_handle h)
{
    return (HANDLE)h;
}

#endif
