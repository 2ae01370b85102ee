/* SPDX-License-Identifier: MIT
 *
 * The console's events as something to poll: the handler's thread sends a byte to a socket.
 * The library never calls this; a program's console is its own.
 */
#include "os/win/win.h"

#include <signal.h>
#include <stdatomic.h>

enum { SIGNAL_LAST_WORDS_MS = 10000 }; /* the system ends the process sooner by itself */

/* The one place where the system gives a handler no argument: it has to find the socket here.
 * Stored + 1, so that zero is "none". */
static _Atomic intptr_t signal_socket;

static char signal_number(DWORD event)
{
    return event == CTRL_C_EVENT ? SIGINT : SIGTERM;
}

static BOOL WINAPI signal_handler(DWORD event)
{
    intptr_t h = atomic_load(&signal_socket) - 1;
    char byte = signal_number(event);
    if (h == PLUG_NO_HANDLE || send(plug__win_socket(h), &byte, 1, 0) != 1)
        return FALSE;
    /* After close, log-off and shut-down the process is ended as soon as this returns. */
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT)
        Sleep(SIGNAL_LAST_WORDS_MS);
    return TRUE;
}

int plug__os_signals_open(plug_handle *ret, int *reterr_os)
{
    plug_handle h;
    int rc = plug__win_loop_socket(&h, reterr_os);
    if (rc < 0)
        return rc;
    atomic_store(&signal_socket, h + 1);
    if (!SetConsoleCtrlHandler(signal_handler, TRUE)) {
        atomic_store(&signal_socket, 0);
        plug__os_close(h);
        return plug__win_last(reterr_os);
    }
    *ret = h;
    return 0;
}

int plug__os_signals_next(plug_handle h)
{
    char byte = 0;
    return recv(plug__win_socket(h), &byte, 1, 0) == 1 ? byte : 0;
}

void plug__os_signals_close(plug_handle h)
{
    (void)SetConsoleCtrlHandler(signal_handler, FALSE);
    atomic_store(&signal_socket, 0);
    plug__os_close(h);
}

void plug__os_die_by(int sig)
{
    ExitProcess(128 + (UINT)sig);
}
